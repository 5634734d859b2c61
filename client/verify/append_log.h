// Exactly once, by appending: each write adds its own id to a log, so that one
// read of the log shows of every id how often it took effect.
//
// There is no append among the operations, so a log is a counter, and the id is
// a digit of it: write i adds 4^i, by an Increment with initial = 0 or inside
// its Transact.  Each digit to the base of 4 then says how often: 0 to 3 times.
//
//   lost      an id that was acknowledged, and its digit is 0
//   doubled   its digit is 2 or 3
//   ghost     an id that was said not to be applied, and its digit is not 0
//
// Keys that begin with the prefix are logs.  They are written in no other way,
// each id once, and not deleted before they were read.
//
// Thread safety: AppendLogNames belongs to one thread; the rest are free
// functions.
//
// Example:
//   AppendLogNames names("run1/log/0/");
//   const LogAppend append = names.Next();
//   increment->set_key(append.key);
//   increment->set_delta(append.delta);
//   increment->set_initial(0);
//   ...
//   CheckAppendLogs(history, "run1/log/", &violations);

#ifndef LATCHKEY_CLIENT_VERIFY_APPEND_LOG_H_
#define LATCHKEY_CLIENT_VERIFY_APPEND_LOG_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "client/verify/round.h"
#include "client/verify/violations.h"

namespace latchkey::verify {

// Digits of a log: the greatest number of that many, 4^31 - 1, fits a counter.
inline constexpr int kAppendsPerLog = 31;

// One append to one log.
struct LogAppend {
  std::string_view key;
  int64_t delta = 0;
};

// Hands out appends: a log until it is full, then the next one.
class AppendLogNames {
 public:
  // The logs are called `prefix` and a number.
  explicit AppendLogNames(std::string prefix) : prefix_(std::move(prefix)) {}

  // Its key lives until the next call.
  LogAppend Next();

  // The logs that have been used since the last call, for the reads at the end
  // of a round.  The next append begins a new one.
  std::vector<std::string> TakeUsed();

 private:
  const std::string prefix_;
  std::vector<std::string> used_;
  uint64_t logs_ = 0;
  int next_digit_ = kAppendsPerLog;
};

// Checks all appends in `round` against the read of each log that began after
// the last append to it had ended.
//
// `log_prefix` is what the keys of logs, and no others, begin with.
void CheckAppendLogs(const Round& round, std::string_view log_prefix,
                     Violations* violations);

}  // namespace latchkey::verify

#endif  // LATCHKEY_CLIENT_VERIFY_APPEND_LOG_H_
