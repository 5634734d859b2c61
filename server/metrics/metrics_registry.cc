#include "server/metrics/metrics_registry.h"

#include <utility>

namespace latchkey {

void MetricsRegistry::Add(Collector collector) {
  collectors_.push_back(std::move(collector));
}

std::string MetricsRegistry::Expose() const {
  MetricsText text;
  for (const Collector& collector : collectors_) collector(text);
  return text.text();
}

}  // namespace latchkey
