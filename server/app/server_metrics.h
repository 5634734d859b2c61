// CollectServerMetrics writes what the whole server has to say of itself: which
// one it is, since when it runs, what it does now.
//
// Thread safety: a free function, no shared state.

#ifndef LATCHKEY_SERVER_APP_SERVER_METRICS_H_
#define LATCHKEY_SERVER_APP_SERVER_METRICS_H_

#include <cstdint>
#include <string_view>

#include "server/base/clock.h"
#include "server/metrics/metrics_text.h"

namespace latchkey {

struct ServerFacts {
  std::string_view transport;
  int threads = 0;
  UnixNanos started = 0;
  UnixNanos now = 0;
  int64_t live_calls = 0;
};

void CollectServerMetrics(const ServerFacts& facts, MetricsText& text);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_APP_SERVER_METRICS_H_
