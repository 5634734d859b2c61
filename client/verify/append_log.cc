#include "client/verify/append_log.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/verify/event_text.h"
#include "client/verify/messages.h"
#include "client/verify/round.h"

namespace latchkey::verify {
namespace {

// What is known of one append.
enum class Fate { kUnused, kApplied, kNotApplied, kUnknown };

struct Append {
  Fate fate = Fate::kUnused;
  const HistoryEvent* event = nullptr;
};

struct Log {
  std::array<Append, kAppendsPerLog> appends;
  // When the last append ended.
  int64_t end = 0;
  // The latest read that began after that, and what it showed.
  const HistoryEvent* read = nullptr;
  int64_t value = 0;
};

// The digit that `delta` is 1 of; nothing where it is not 4^i.
std::optional<size_t> DigitOf(int64_t delta) {
  if (delta <= 0) return std::nullopt;
  const auto bits = static_cast<uint64_t>(delta);
  const auto zeros = static_cast<size_t>(std::countr_zero(bits));
  if (!std::has_single_bit(bits) || zeros % 2 != 0) return std::nullopt;
  const size_t digit = zeros / 2;
  return digit < kAppendsPerLog ? std::optional(digit) : std::nullopt;
}

int64_t ParseCounter(std::string_view text) {
  int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

class Checker {
 public:
  Checker(std::string_view prefix, Violations* violations)
      : prefix_(prefix), violations_(violations) {}

  void AddWrites(const Round& round);
  void AddReads(Events events);
  void Check();

 private:
  void AddWrite(const LogicalOperation& operation, Fate fate);
  void AddOperations(
      const google::protobuf::RepeatedPtrField<v1::Operation>& operations,
      const LogicalOperation& from, Fate fate);
  void AddAppend(const v1::IncrementRequest& increment,
                 const LogicalOperation& from, Fate fate);
  void AddRead(const std::string& key, const v1::GetResponse& answer,
               const HistoryEvent& event);
  void CheckAppend(const std::string& key, const Log& log, size_t digit);
  void Report(std::string_view sort, const std::string& key, size_t digit,
              const Log& log);

  const std::string_view prefix_;
  Violations* const violations_;
  EventMessages messages_;
  std::map<std::string, Log, std::less<>> logs_;
};

void Checker::AddWrites(const Round& round) {
  for (const LogicalOperation& decided : round.decided()) {
    AddWrite(decided, decided.event->outcome == EventOutcome::kOk
                          ? Fate::kApplied
                          : Fate::kNotApplied);
  }
  for (const LogicalOperation& refused : round.refused()) {
    AddWrite(refused, Fate::kNotApplied);
  }
  for (const LogicalOperation& unsettled : round.unsettled()) {
    AddWrite(unsettled, Fate::kUnknown);
  }
}

void Checker::AddWrite(const LogicalOperation& operation, Fate fate) {
  const HistoryEvent& event = *operation.event;
  if (event.method != Method::kIncrement && event.method != Method::kTransact) {
    return;
  }
  if (!messages_.Parse(event)) return;
  if (event.method == Method::kIncrement) {
    AddAppend(messages_.Get<v1::IncrementRequest>(), operation, fate);
    return;
  }
  const auto& request = messages_.Get<v1::TransactRequest>();
  const bool succeeded = messages_.Get<v1::TransactResponse>().succeeded();
  // What is in the branch that did not run was not applied, unless it is in
  // the other one, too.
  const Fate otherwise = fate == Fate::kApplied ? Fate::kNotApplied : fate;
  AddOperations(request.on_success(), operation, succeeded ? fate : otherwise);
  AddOperations(request.on_failure(), operation, succeeded ? otherwise : fate);
}

void Checker::AddOperations(
    const google::protobuf::RepeatedPtrField<v1::Operation>& operations,
    const LogicalOperation& from, Fate fate) {
  for (const v1::Operation& operation : operations) {
    if (operation.has_increment()) {
      AddAppend(operation.increment(), from, fate);
    }
  }
}

void Checker::AddAppend(const v1::IncrementRequest& increment,
                        const LogicalOperation& from, Fate fate) {
  if (!increment.key().starts_with(prefix_)) return;
  const std::optional<size_t> digit = DigitOf(increment.delta());
  if (!digit) return;
  Log& log = logs_[increment.key()];
  Append& append = log.appends[*digit];
  if (append.fate != Fate::kApplied) append = {fate, from.event};
  log.end = std::max(log.end, from.event->end);
}

void Checker::AddReads(Events events) {
  for (const HistoryEvent* event : events) {
    if (event->outcome != EventOutcome::kOk) continue;
    if (event->method != Method::kGet && event->method != Method::kBatchGet) {
      continue;
    }
    if (!messages_.Parse(*event)) continue;
    if (event->method == Method::kGet) {
      AddRead(messages_.Get<v1::GetRequest>().key(),
              messages_.Get<v1::GetResponse>(), *event);
      continue;
    }
    const auto& keys = messages_.Get<v1::BatchGetRequest>().keys();
    const auto& results = messages_.Get<v1::BatchGetResponse>().results();
    for (int i = 0; i < keys.size() && i < results.size(); ++i) {
      AddRead(keys[i], results[i], *event);
    }
  }
}

void Checker::AddRead(const std::string& key, const v1::GetResponse& answer,
                      const HistoryEvent& event) {
  const auto found = logs_.find(key);
  if (found == logs_.end()) return;
  Log& log = found->second;
  if (event.start < log.end ||
      (log.read != nullptr && event.start < log.read->start)) {
    return;
  }
  log.read = &event;
  log.value = ParseCounter(answer.entry().value());
}

void Checker::Check() {
  for (const auto& [key, log] : logs_) {
    if (log.read == nullptr) {
      violations_->Add(sort::kLogUnread, key);
      continue;
    }
    for (size_t digit = 0; digit < kAppendsPerLog; ++digit) {
      CheckAppend(key, log, digit);
    }
  }
}

void Checker::CheckAppend(const std::string& key, const Log& log,
                          size_t digit) {
  const int64_t times = log.value >> (2 * digit) & 3;
  const Fate fate = log.appends[digit].fate;
  if (times >= 2) {
    Report(sort::kDoubledAppend, key, digit, log);
  } else if (times == 0 && fate == Fate::kApplied) {
    Report(sort::kLostAppend, key, digit, log);
  } else if (times == 1 &&
             (fate == Fate::kNotApplied || fate == Fate::kUnused)) {
    Report(sort::kGhostAppend, key, digit, log);
  }
}

void Checker::Report(std::string_view sort, const std::string& key,
                     size_t digit, const Log& log) {
  std::string detail;
  if (violations_->WantsDetail(sort)) {
    const HistoryEvent* const event = log.appends[digit].event;
    detail = absl::StrCat(
        "append ", digit, " of ", key, ", which is ", log.value, "; ",
        event == nullptr ? "nobody sent it" : EventText(*event));
  }
  violations_->Add(sort, std::move(detail));
}

}  // namespace

LogAppend AppendLogNames::Next() {
  if (next_digit_ == kAppendsPerLog) {
    used_.push_back(absl::StrCat(prefix_, logs_++));
    next_digit_ = 0;
  }
  return {used_.back(), int64_t{1} << (2 * next_digit_++)};
}

std::vector<std::string> AppendLogNames::TakeUsed() {
  next_digit_ = kAppendsPerLog;
  return std::exchange(used_, {});
}

void CheckAppendLogs(const Round& round, std::string_view log_prefix,
                     Violations* violations) {
  Checker checker(log_prefix, violations);
  checker.AddWrites(round);
  checker.AddReads(round.events());
  checker.Check();
}

}  // namespace latchkey::verify
