// CollectProcessMetrics writes what the operating system says of this process,
// under the names that every Prometheus client uses (process_*), and its memory
// as latchkey_memory_used_bytes.
//
// Thread safety: may be called from any thread.

#ifndef LATCHKEY_SERVER_OPS_PROCESS_METRICS_H_
#define LATCHKEY_SERVER_OPS_PROCESS_METRICS_H_

#include "server/metrics/metrics_text.h"

namespace latchkey {

void CollectProcessMetrics(MetricsText& text);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_OPS_PROCESS_METRICS_H_
