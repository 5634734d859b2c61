#include "server/metrics/metrics_registry.h"

#include <gtest/gtest.h>

namespace latchkey {
namespace {

TEST(MetricsRegistryTest, AsksEachCollectorEachTimeInOrder) {
  MetricsRegistry registry;
  EXPECT_EQ(registry.Expose(), "");
  int asked = 0;
  registry.Add([&asked](MetricsText& text) {
    text.Family("b", MetricType::kGauge, "first");
    text.Sample({}, ++asked);
  });
  registry.Add([](MetricsText& text) {
    text.Family("a", MetricType::kGauge, "second");
    text.Sample({}, 7);
  });
  EXPECT_EQ(registry.Expose(),
            "# HELP b first\n# TYPE b gauge\nb 1\n"
            "# HELP a second\n# TYPE a gauge\na 7\n");
  EXPECT_EQ(registry.Expose(),
            "# HELP b first\n# TYPE b gauge\nb 2\n"
            "# HELP a second\n# TYPE a gauge\na 7\n");
}

}  // namespace
}  // namespace latchkey
