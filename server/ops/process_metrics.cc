#include "server/ops/process_metrics.h"

#include <dirent.h>
#include <sys/resource.h>

#include <cstdint>

#include "server/base/clock.h"
#include "server/ops/process_memory.h"

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
  const ProcessMemory::Sizes memory = ProcessMemory().Read();
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
