#include "tests/simulation/ledger_judge.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "client/lib/call_error.h"
#include "latchkey/v1/cache.pb.h"
#include "server/store/idempotency.h"
#include "tests/verify/keyed_write.h"

namespace latchkey::simulation {
namespace {

using verify::DirectAnswer;
using verify::Method;

bool SaysNotApplied(const DirectAnswer& answer) {
  const client::CallError error = answer.Error();
  const auto applied = error.metadata.find("applied");
  return applied != error.metadata.end() && applied->second == "no";
}

bool IsFull(const DirectAnswer& answer) {
  return !answer.ok() && answer.Error().reason == "IDEMPOTENCY_LEDGER_FULL";
}

}  // namespace

bool IsEnd(const DirectAnswer& answer) {
  const auto code = static_cast<grpc::StatusCode>(answer.status.code);
  return code == grpc::StatusCode::CANCELLED ||
         code == grpc::StatusCode::DEADLINE_EXCEEDED ||
         answer.Error().reason == "DRAINING";
}

bool IsShed(const DirectAnswer& answer) {
  return !answer.ok() && answer.Error().reason == "OVERLOADED" &&
         SaysNotApplied(answer);
}

void LedgerJudge::Observe(std::string_view key, Observation observation) {
  observed_[std::string(key)].push_back(std::move(observation));
}

const DirectAnswer* LedgerJudge::Truth(std::string_view key) const {
  const auto found = observed_.find(key);
  if (found == observed_.end()) return nullptr;
  const Observation* first = nullptr;
  for (const Observation& each : found->second) {
    if (each.method == Method::kGetOutcome || !verify::IsKept(each.answer)) {
      continue;
    }
    if (first == nullptr || each.decided_at < first->decided_at) first = &each;
  }
  return first == nullptr ? nullptr : &first->answer;
}

void LedgerJudge::Judge() {
  for (auto& [key, copies] : observed_) {
    key_ = key;
    std::sort(copies.begin(), copies.end(),
              [](const Observation& a, const Observation& b) {
                return a.decided_at < b.decided_at;
              });
    Kept kept;
    for (const Observation& copy : copies) {
      if (copy.decided_at == 0) {
        JudgeEarly(copy);
        continue;
      }
      if (kept.state != Kept::State::kNothing &&
          copy.decided_at >= kept.since + options_.window) {
        kept = {};
      }
      if (copy.method == Method::kGetOutcome) {
        JudgeOutcome(copy, &kept);
      } else {
        JudgeWrite(copy, &kept);
      }
    }
  }
}

void LedgerJudge::JudgeEarly(const Observation& copy) {
  if (IsEnd(copy.answer)) {
    if (copy.ends_at > copy.answered_at) Add(sort::kEndInvented, copy);
  } else if (!copy.may_be_shed || !IsShed(copy.answer)) {
    Add(sort::kBadRefusal, copy);
  }
}

void LedgerJudge::JudgeWrite(const Observation& copy, Kept* kept) {
  if (kept->state == Kept::State::kFence) {
    return MustBeRefused(copy, "IDEMPOTENCY_KEY_FENCED",
                         verify::sort::kFenceBroken);
  }
  if (kept->state == Kept::State::kAnswer) {
    const Observation& first = *kept->answered;
    if (first.method != copy.method || first.request != copy.request) {
      return MustBeRefused(copy, "IDEMPOTENCY_KEY_REUSED",
                           verify::sort::kReuseAccepted);
    }
    if (!verify::IsKept(copy.answer)) {
      Add(verify::sort::kCopyRefused, copy);
    } else if (!copy.answer.replayed) {
      Add(verify::sort::kCopyNotReplayed, copy);
    } else if (!copy.answer.Equals(first.answer)) {
      Add(verify::sort::kCopyDiffers, copy);
    }
    return;
  }
  if (const std::string_view reason = StampRefusal(copy.stamp, copy.decided_at);
      !reason.empty()) {
    return MustBeRefused(copy, reason, verify::sort::kStampAccepted);
  }
  JudgeFresh(copy, kept);
}

void LedgerJudge::JudgeFresh(const Observation& copy, Kept* kept) {
  const bool over = copy.ends_at <= copy.decided_at;
  if (verify::IsKept(copy.answer)) {
    if (copy.answer.replayed) Add(verify::sort::kReplayOfNothing, copy);
    if (over) Add(sort::kOutlivedDeadline, copy);
    *kept = {Kept::State::kAnswer, copy.decided_at, &copy};
  } else if (IsEnd(copy.answer)) {
    if (!over) Add(sort::kEndInvented, copy);
    if (!SaysNotApplied(copy.answer)) Add(sort::kBadRefusal, copy);
  } else if (!(options_.may_be_full && IsFull(copy.answer))) {
    Add(sort::kBadRefusal, copy);
  }
}

void LedgerJudge::JudgeOutcome(const Observation& question, Kept* kept) {
  const DirectAnswer& answer = question.answer;
  // With a fence what may be forgotten is what was when it was left.
  const std::string_view forgotten = StampRefusal(
      question.stamp,
      kept->state == Kept::State::kFence ? kept->since : question.decided_at);
  const bool may_be_forgotten =
      kept->state != Kept::State::kAnswer && !forgotten.empty();
  if (!answer.ok()) {
    if (may_be_forgotten && answer.Error().reason == forgotten) return;
    const bool over = question.ends_at <= question.decided_at;
    const bool full = options_.may_be_full && IsFull(answer) &&
                      kept->state == Kept::State::kNothing;
    if (IsEnd(answer) ? !over : !full) Add(sort::kBadRefusal, question);
    return;
  }
  if (question.ends_at <= question.decided_at) {
    Add(sort::kOutlivedDeadline, question);
  }
  if (may_be_forgotten) Add(sort::kForgotten, question);
  v1::GetOutcomeRequest asked;
  v1::GetOutcomeResponse told;
  bool right = asked.ParseFromString(question.request) &&
               told.ParseFromString(answer.response);
  switch (kept->state) {
    case Kept::State::kAnswer: {
      const Observation& first = *kept->answered;
      right = right && told.state() == v1::GetOutcomeResponse::DONE &&
              told.method() == verify::MethodPath(first.method) &&
              told.code() == first.answer.status.code &&
              told.message() == first.answer.status.message &&
              told.response() == first.answer.response;
      break;
    }
    case Kept::State::kFence:
      right = right && told.state() == v1::GetOutcomeResponse::NOT_APPLIED;
      break;
    case Kept::State::kNothing:
      right = right && told.state() ==
                           (asked.fence() ? v1::GetOutcomeResponse::NOT_APPLIED
                                          : v1::GetOutcomeResponse::UNKNOWN);
      if (asked.fence()) *kept = {Kept::State::kFence, question.decided_at, {}};
      break;
  }
  if (!right) Add(verify::sort::kOutcomeDiffers, question);
}

std::string_view LedgerJudge::StampRefusal(std::string_view text,
                                           UnixNanos now) const {
  if (text.empty()) return "";
  const std::optional<LedgerStamp> stamp = LedgerStamp::Parse(text);
  if (!stamp.has_value() || stamp->incarnation != options_.incarnation) {
    return "INCARNATION_CHANGED";
  }
  const int64_t age = now / kNanosPerSecond - stamp->unix_seconds;
  return age >= options_.window / kNanosPerSecond ? "IDEMPOTENCY_KEY_EXPIRED"
                                                  : "";
}

void LedgerJudge::MustBeRefused(const Observation& copy,
                                std::string_view reason,
                                std::string_view sort) {
  if (copy.answer.Error().reason != reason) Add(sort, copy);
}

void LedgerJudge::Add(std::string_view sort, const Observation& copy) {
  violations_.Add(sort, std::string(verify::MethodName(copy.method)) + " " +
                            std::string(key_) + " at " +
                            std::to_string(copy.decided_at) + ": " +
                            verify::Describe(copy.answer));
}

}  // namespace latchkey::simulation
