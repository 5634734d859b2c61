#include "client/load/process_cpu.h"

#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

namespace latchkey::load {
namespace {

Nanos ToNanos(const timeval& time) {
  return time.tv_sec * kNanosPerSecond + time.tv_usec * kNanosPerMicro;
}

}  // namespace

CpuTime operator+(const CpuTime& a, const CpuTime& b) {
  return {.user = a.user + b.user, .system = a.system + b.system};
}

CpuTime operator-(const CpuTime& after, const CpuTime& before) {
  return {after.user - before.user, after.system - before.system};
}

CpuTime OwnCpuTime() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return {ToNanos(usage.ru_utime), ToNanos(usage.ru_stime)};
}

std::optional<CpuTime> ParseProcStat(std::string_view text,
                                     int64_t ticks_per_second) {
  // The second field is the program's name in parentheses, and may itself hold
  // spaces and parentheses; fields count on from the last one.
  const size_t name_end = text.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  std::istringstream fields{std::string(text.substr(name_end + 1))};
  std::string skipped;
  // proc(5): utime is field 14, stime 15; the next one is field 3.
  for (int field = 3; field < 14; ++field) fields >> skipped;
  int64_t user = 0;
  int64_t system = 0;
  fields >> user >> system;
  if (!fields) return std::nullopt;
  const Nanos tick = kNanosPerSecond / ticks_per_second;
  return CpuTime{user * tick, system * tick};
}

std::optional<CpuTime> CpuTimeOf(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::stringstream text;
  text << file.rdbuf();
  if (!file) return std::nullopt;
  return ParseProcStat(text.str(), sysconf(_SC_CLK_TCK));
}

}  // namespace latchkey::load
