// CollectStoreMetrics writes what a store has counted: its entries, what reads
// found, the idempotency ledger, lock waits.
//
// Thread safety: may be called from any thread.  It takes each shard's lock
// once, for a few loads.

#ifndef LATCHKEY_SERVER_STORE_STORE_METRICS_H_
#define LATCHKEY_SERVER_STORE_STORE_METRICS_H_

#include "server/metrics/metrics_text.h"
#include "server/store/store.h"

namespace latchkey {

void CollectStoreMetrics(const Store& store, MetricsText& text);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_STORE_METRICS_H_
