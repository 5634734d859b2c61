#include "tests/verify/keyed_write.h"

#include <array>

#include "client/lib/call_error.h"
#include "latchkey/v1/cache.pb.h"

namespace latchkey::verify {
namespace {

// The reasons of the errors that the server keeps, as it keeps good answers.
constexpr std::array<std::string_view, 6> kKeptReasons = {
    "PRECONDITION_FAILED", "KEY_EXISTS",    "KEY_NOT_FOUND",
    "NOT_A_COUNTER",       "COUNTER_LIMIT", "RESPONSE_TOO_LARGE"};

}  // namespace

bool IsKept(const DirectAnswer& answer) {
  if (answer.ok()) return true;
  const std::string reason = answer.Error().reason;
  for (const std::string_view kept : kKeptReasons) {
    if (reason == kept) return true;
  }
  return false;
}

std::string WithKey(std::string_view payload, std::string_view key) {
  // Of a field that comes twice the last one counts.
  std::string request(payload);
  request.push_back(
      static_cast<char>(v1::PutRequest::kIdempotencyKeyFieldNumber << 3 | 2));
  request.push_back(static_cast<char>(key.size()));
  request.append(key);
  return request;
}

std::string Describe(const DirectAnswer& answer) {
  std::string text = "OK";
  if (!answer.ok()) {
    const client::CallError error = answer.Error();
    text = error.code_name + " " + error.reason;
  }
  if (answer.replayed) text += " (replayed)";
  return text;
}

void CopyJudge::OnAnswers(KeyedWrite& write, UnixNanos now, bool may_end,
                          std::initializer_list<const DirectAnswer*> answers) {
  // A refused copy may have come before the one that was decided, and the one
  // that was decided before those that were replayed.
  for (const DirectAnswer* answer : answers) {
    if (!IsKept(*answer) && write.decided.has_value() && !may_end) {
      Add(sort::kCopyRefused, write, *answer);
    }
  }
  for (const bool replayed : {false, true}) {
    for (const DirectAnswer* answer : answers) {
      if (IsKept(*answer) && answer->replayed == replayed) {
        OnAnswer(write, now, *answer);
      }
    }
  }
}

void CopyJudge::OnAnswer(KeyedWrite& write, UnixNanos now,
                         const DirectAnswer& answer) {
  if (!write.decided.has_value()) {
    if (answer.replayed) Add(sort::kReplayOfNothing, write, answer);
    write.decided = answer;
    write.decided_at = now;
    return;
  }
  if (!answer.replayed) Add(sort::kCopyNotReplayed, write, answer);
  if (!answer.Equals(*write.decided)) Add(sort::kCopyDiffers, write, answer);
}

void CopyJudge::MustRefuse(std::string_view sort, const KeyedWrite& write,
                           const DirectAnswer& answer,
                           std::string_view reason) {
  if (answer.Error().reason != reason) Add(sort, write, answer);
}

void CopyJudge::OnOutcome(const KeyedWrite& write, const DirectAnswer& answer) {
  v1::GetOutcomeResponse told;
  if (!answer.ok() || !told.ParseFromString(answer.response) ||
      told.state() != v1::GetOutcomeResponse::DONE ||
      told.method() != MethodPath(write.method) ||
      told.code() != write.decided->status.code ||
      told.message() != write.decided->status.message ||
      told.response() != write.decided->response) {
    Add(sort::kOutcomeDiffers, write, answer);
  }
}

void CopyJudge::Add(std::string_view sort, const KeyedWrite& write,
                    const DirectAnswer& answer) {
  std::string detail(MethodName(write.method));
  detail += " " + write.key + ": " + Describe(answer);
  if (write.decided.has_value()) {
    detail += ", was decided as " + Describe(*write.decided);
  }
  violations_.Add(sort, std::move(detail));
}

}  // namespace latchkey::verify
