#include "server/app/server_metrics.h"

#include <string>

namespace latchkey {

void CollectServerMetrics(const ServerFacts& facts, MetricsText& text) {
  text.Family("latchkey_up", MetricType::kGauge, "1 while the server runs.");
  text.Sample({}, 1);
  text.Family("latchkey_instance_info", MetricType::kGauge,
              "Which server this is, in its labels; the value is 1.");
  text.Sample({{"version", facts.version},
               {"transport", facts.transport},
               {"threads", std::to_string(facts.threads)}},
              1);
  text.Family("latchkey_start_time_seconds", MetricType::kGauge,
              "When the server started, in seconds since the Unix epoch.");
  text.SampleSeconds({}, facts.started);
  text.Family("process_start_time_seconds", MetricType::kGauge,
              "As latchkey_start_time_seconds.");
  text.SampleSeconds({}, facts.started);
  text.Family("latchkey_uptime_in_seconds", MetricType::kGauge,
              "How long the server has run.");
  text.SampleSeconds({}, facts.now - facts.started);
  text.Family("latchkey_live_calls", MetricType::kGauge,
              "RPCs that are not over, streams included.");
  text.Sample({}, facts.live_calls);
}

void CollectLimits(const LimitsKeeper::Refusals& refusals, MetricsText& text) {
  text.Family("latchkey_principal_limit_refusals_total", MetricType::kCounter,
              "RPCs that were refused with PRINCIPAL_LIMIT, by the limit that "
              "their principal was over.");
  text.Sample({{"limit", std::string(kOperationsLimit)}}, refusals.operations);
  text.Sample({{"limit", std::string(kLiveCallsLimit)}}, refusals.live_calls);
  text.Sample({{"limit", std::string(kConnectionsLimit)}},
              refusals.connections);
  text.Sample({{"limit", std::string(kLedgerRecordsLimit)}},
              refusals.ledger_records);
  text.Sample({{"limit", std::string(kBytesLimit)}}, refusals.bytes);
}

}  // namespace latchkey
