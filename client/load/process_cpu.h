// What CPU time processes have used: this one by getrusage(), another one by
// /proc.
//
// Thread safety: free functions, no shared state.

#ifndef LATCHKEY_CLIENT_LOAD_PROCESS_CPU_H_
#define LATCHKEY_CLIENT_LOAD_PROCESS_CPU_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "client/load/engine.h"

namespace latchkey::load {

struct CpuTime {
  Nanos user = 0;
  Nanos system = 0;

  Nanos total() const { return user + system; }
};

CpuTime operator-(const CpuTime& after, const CpuTime& before);
CpuTime operator+(const CpuTime& a, const CpuTime& b);

// Of this process, to the microsecond.
CpuTime OwnCpuTime();

// Of all threads of process `pid`, to a clock tick (10 ms).  Nothing where
// there is no such process.
std::optional<CpuTime> CpuTimeOf(pid_t pid);

// The CPU time in the text of a /proc/PID/stat, whose ticks are so many to the
// second.  Nothing where it is no such text.
std::optional<CpuTime> ParseProcStat(std::string_view text,
                                     int64_t ticks_per_second);

}  // namespace latchkey::load

#endif  // LATCHKEY_CLIENT_LOAD_PROCESS_CPU_H_
