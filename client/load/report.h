// What a run has found out, as a table for people and as JSON for programs.
//
// Thread safety: free functions, no shared state.

#ifndef LATCHKEY_CLIENT_LOAD_REPORT_H_
#define LATCHKEY_CLIENT_LOAD_REPORT_H_

#include <string>

#include "client/load/run_result.h"

namespace latchkey::load {

// The percentiles that both forms show.
struct NamedPercentile {
  const char* name;
  double percent;
};
inline constexpr NamedPercentile kPercentiles[] = {
    {"p50", 50}, {"p90", 90}, {"p99", 99}, {"p99.9", 99.9}, {"p99.99", 99.99}};

// Many lines, the last one ended.  Of a run that measured nothing, only what
// failed the verification.
std::string FormatTable(const RunResult& result);

// An object with the options (the seed among them) and every number of the
// table, durations in nanoseconds unless the name says otherwise.
std::string FormatJson(const RunResult& result);

// Why the run ended before it should have, in one line without a full stop;
// empty where it did not.
std::string EndingMessage(const RunResult& result);

}  // namespace latchkey::load

#endif  // LATCHKEY_CLIENT_LOAD_REPORT_H_
