// MetricsRegistry is what /metrics shows: functions that write what their part
// of the server has counted, asked whenever someone looks.
//
// Thread safety: Expose() may be called from any thread once all were added,
// and so must the functions be callable.
//
// Example:
//   MetricsRegistry registry;
//   registry.Add([&store](MetricsText& text) {
//     text.Family("latchkey_db_keys", MetricType::kGauge, "Entries held.");
//     text.Sample({}, store.EntryCount());
//   });
//   registry.Expose();

#ifndef LATCHKEY_SERVER_METRICS_METRICS_REGISTRY_H_
#define LATCHKEY_SERVER_METRICS_METRICS_REGISTRY_H_

#include <functional>
#include <string>
#include <vector>

#include "server/metrics/metrics_text.h"

namespace latchkey {

class MetricsRegistry {
 public:
  using Collector = std::function<void(MetricsText& text)>;

  MetricsRegistry() = default;

  MetricsRegistry(const MetricsRegistry&) = delete;
  MetricsRegistry& operator=(const MetricsRegistry&) = delete;

  // What `collector` refers to must outlive the registry's use.
  void Add(Collector collector);

  // All metrics, in the order in which they were added.
  std::string Expose() const;

 private:
  std::vector<Collector> collectors_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_METRICS_METRICS_REGISTRY_H_
