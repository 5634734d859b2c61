// TlsWatch looks again and again whether the files of a TlsKeeper have changed,
// and logs what became of it.
//
// Thread safety: Start() once; LookNow() from any thread; the rest happens on
// the executor, until the watch's end.

#ifndef LATCHKEY_SERVER_APP_TLS_WATCH_H_
#define LATCHKEY_SERVER_APP_TLS_WATCH_H_

#include <optional>

#include "server/base/clock.h"
#include "server/base/executor.h"
#include "server/metrics/metrics_text.h"
#include "server/runtime/periodic.h"
#include "server/tls/tls_keeper.h"

namespace latchkey {

class TlsWatch {
 public:
  // How long a new certificate may wait.  A look takes some 30 us.
  static constexpr Nanos kPause = kNanosPerSecond;

  TlsWatch(TlsKeeper& keeper, Executor& executor)
      : keeper_(keeper), executor_(executor) {}

  TlsWatch(const TlsWatch&) = delete;
  TlsWatch& operator=(const TlsWatch&) = delete;

  void Start();

  // Looks at once.  From any thread, after Start().
  void LookNow();

 private:
  void Step();

  TlsKeeper& keeper_;
  Executor& executor_;
  std::optional<Periodic> steps_;
};

// Writes what a scrape tells of TLS.
void CollectTlsMetrics(const TlsKeeper& keeper, MetricsText& text);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_APP_TLS_WATCH_H_
