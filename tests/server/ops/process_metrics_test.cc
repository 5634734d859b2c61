#include "server/ops/process_metrics.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <vector>

namespace latchkey {
namespace {

double ValueOf(const std::string& name) {
  MetricsText text;
  CollectProcessMetrics(text);
  const size_t line = text.text().find("\n" + name + " ");
  EXPECT_NE(line, std::string::npos) << name;
  return std::stod(text.text().substr(line + name.size() + 2));
}

TEST(ProcessMetricsTest, MemoryGrowsWithWhatIsUsed) {
  const double before = ValueOf("process_resident_memory_bytes");
  EXPECT_GT(before, 1e6);
  EXPECT_GE(ValueOf("process_virtual_memory_bytes"), before);
  constexpr size_t kBytes = 64 * 1024 * 1024;
  const std::vector<char> used(kBytes, 'x');
  EXPECT_GT(ValueOf("process_resident_memory_bytes"), before + kBytes / 2.0);
  EXPECT_GT(ValueOf("latchkey_memory_used_rss_bytes"), before + kBytes / 2.0);
  EXPECT_EQ(used.back(), 'x');
}

TEST(ProcessMetricsTest, CountsOpenFiles) {
  const double before = ValueOf("process_open_fds");
  EXPECT_GE(before, 3);
  const int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(file, 0);
  EXPECT_EQ(ValueOf("process_open_fds"), before + 1);
  close(file);
  EXPECT_EQ(ValueOf("process_open_fds"), before);
  EXPECT_GE(ValueOf("process_max_fds"), before);
}

TEST(ProcessMetricsTest, CpuTimeGrowsWithWork) {
  const double before = ValueOf("process_cpu_seconds_total");
  EXPECT_GT(before, 0);
  EXPECT_LT(before, 3600);
  double after = before;
  // Each turn is work.
  for (int i = 0; i < 1'000'000 && after == before; ++i) {
    after = ValueOf("process_cpu_seconds_total");
  }
  EXPECT_GT(after, before);
}

}  // namespace
}  // namespace latchkey
