// CollectServerMetrics writes what the whole server has to say of itself: which
// one it is, since when it runs, what it does now.
//
// Thread safety: a free function, no shared state.

#ifndef LATCHKEY_SERVER_APP_SERVER_METRICS_H_
#define LATCHKEY_SERVER_APP_SERVER_METRICS_H_

#include "server/access/limits_keeper.h"
#include "server/metrics/metrics_text.h"
#include "server/service/server_facts.h"

namespace latchkey {

void CollectServerMetrics(const ServerFacts& facts, MetricsText& text);

// Writes what the limits of principals have refused.
void CollectLimits(const LimitsKeeper::Refusals& refusals, MetricsText& text);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_APP_SERVER_METRICS_H_
