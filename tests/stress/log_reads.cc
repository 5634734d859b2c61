#include "tests/stress/log_reads.h"

#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/verify/append_log.h"
#include "latchkey/v1/cache.pb.h"

namespace latchkey::stress {
namespace {

using verify::EventOutcome;
using verify::HistoryEvent;
using verify::kAppendsPerLog;
using verify::Method;
using verify::Violations;

// What was sent of each digit.  Copies of a write are told by its idempotency
// key: they are one append.
struct Appends {
  std::array<const HistoryEvent*, kAppendsPerLog> of_digit = {};
  std::array<bool, kAppendsPerLog> seen = {};
};
using Logs = std::map<std::string, Appends, std::less<>>;

bool IsLog(std::string_view key, std::string_view prefix) {
  return key.substr(0, prefix.size()) == prefix;
}

int DigitOf(int64_t delta) {
  int digit = 0;
  while (delta > 1) {
    delta /= 4;
    ++digit;
  }
  return digit;
}

void Add(const v1::IncrementRequest& increment, const HistoryEvent& event,
         std::string_view prefix, Logs* logs) {
  if (!IsLog(increment.key(), prefix)) return;
  const HistoryEvent*& first =
      (*logs)[increment.key()].of_digit[DigitOf(increment.delta())];
  if (first == nullptr) first = &event;
}

template <typename Message>
Message Parse(std::string_view bytes) {
  Message message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    message.Clear();
  }
  return message;
}

Logs AppendsOf(const std::vector<const HistoryEvent*>& events,
               std::string_view prefix) {
  Logs logs;
  for (const HistoryEvent* event : events) {
    if (event->method == Method::kIncrement) {
      Add(Parse<v1::IncrementRequest>(event->request), *event, prefix, &logs);
    } else if (event->method == Method::kTransact) {
      const auto transact = Parse<v1::TransactRequest>(event->request);
      for (const v1::Operation& operation : transact.on_success()) {
        if (operation.has_increment()) {
          Add(operation.increment(), *event, prefix, &logs);
        }
      }
    }
  }
  return logs;
}

// The number that a log shows, 0 where it is missing; nothing where it shows no
// number.
std::optional<int64_t> NumberIn(const v1::GetResponse& response) {
  if (!response.has_entry()) return 0;
  const std::string& text = response.entry().value();
  int64_t number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return number;
}

// How the state of one append in one read is wrong; empty: it is not.
std::string_view Fault(const HistoryEvent* append, int64_t times,
                       const HistoryEvent& read) {
  if (times > 1) return verify::sort::kDoubledAppend;
  if (times == 1) {
    const bool ghost = append == nullptr || append->start > read.end ||
                       append->outcome == EventOutcome::kNotApplied;
    return ghost ? verify::sort::kGhostAppend : "";
  }
  const bool lost = append != nullptr && append->outcome == EventOutcome::kOk &&
                    append->end < read.start;
  return lost ? verify::sort::kLostAppend : "";
}

}  // namespace

uint64_t CheckLogReads(const verify::History& round,
                       std::string_view log_prefix, Violations* violations) {
  const std::vector<const HistoryEvent*> events = round.Sorted();
  Logs logs = AppendsOf(events, log_prefix);
  uint64_t seen = 0;
  for (const HistoryEvent* read : events) {
    if (read->method != Method::kGet || read->outcome != EventOutcome::kOk) {
      continue;
    }
    const std::string key = Parse<v1::GetRequest>(read->request).key();
    if (!IsLog(key, log_prefix)) continue;
    Appends& appends = logs[key];
    std::optional<int64_t> number =
        NumberIn(Parse<v1::GetResponse>(read->response));
    if (!number.has_value()) {
      violations->Add(verify::sort::kBadAnswer,
                      absl::StrCat(key, ": a log that is no number"));
      continue;
    }
    for (int digit = 0; digit < kAppendsPerLog; ++digit, *number /= 4) {
      const HistoryEvent* append = appends.of_digit[digit];
      const int64_t times = *number % 4;
      const std::string_view fault = Fault(append, times, *read);
      if (!fault.empty()) {
        violations->Add(
            fault, absl::StrCat(key, ": append ", digit, " (",
                                append == nullptr
                                    ? std::string("nobody's")
                                    : std::string(append->idempotency_key),
                                ") was seen ", times, " times by a read from ",
                                read->start, " to ", read->end));
      } else if (times == 1 && append->outcome == EventOutcome::kOk &&
                 append->end < read->start && !appends.seen[digit]) {
        appends.seen[digit] = true;
        ++seen;
      }
    }
  }
  return seen;
}

}  // namespace latchkey::stress
