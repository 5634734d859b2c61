#include "server/ops/process_metrics.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>

#include "server/base/clock.h"

namespace latchkey {
namespace {

Nanos ToNanos(const timeval& time) {
  return time.tv_sec * kNanosPerSecond + time.tv_usec * kNanosPerMicro;
}

Nanos CpuTime() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return ToNanos(usage.ru_utime) + ToNanos(usage.ru_stime);
}

struct Memory {
  uint64_t virtual_bytes = 0;
  uint64_t resident_bytes = 0;
};

// Zeros where the system does not tell.
Memory ReadMemory() {
  uint64_t virtual_pages = 0;
  uint64_t resident_pages = 0;
  std::ifstream("/proc/self/statm") >> virtual_pages >> resident_pages;
  const auto page_bytes = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  return {virtual_pages * page_bytes, resident_pages * page_bytes};
}

uint64_t OpenFiles() {
  DIR* files = opendir("/proc/self/fd");
  if (files == nullptr) return 0;
  uint64_t count = 0;
  while (readdir(files) != nullptr) ++count;
  closedir(files);
  // Without ".", ".." and the directory itself.
  return count - 3;
}

uint64_t OpenFilesMax() {
  rlimit limit = {};
  getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

}  // namespace

void CollectProcessMetrics(MetricsText& text) {
  const Memory memory = ReadMemory();
  text.Family("latchkey_memory_used_rss_bytes", MetricType::kGauge,
              "Resident memory of the process.");
  text.Sample({}, memory.resident_bytes);

  text.Family("process_cpu_seconds_total", MetricType::kCounter,
              "User and system CPU time.");
  text.SampleSeconds({}, CpuTime());
  text.Family("process_resident_memory_bytes", MetricType::kGauge,
              "Resident memory.");
  text.Sample({}, memory.resident_bytes);
  text.Family("process_virtual_memory_bytes", MetricType::kGauge,
              "Virtual memory.");
  text.Sample({}, memory.virtual_bytes);
  text.Family("process_open_fds", MetricType::kGauge, "Open files.");
  text.Sample({}, OpenFiles());
  text.Family("process_max_fds", MetricType::kGauge,
              "The most files that may be open.");
  text.Sample({}, OpenFilesMax());
}

}  // namespace latchkey
