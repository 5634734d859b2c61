// Reloads counts, and logs, how often one of the operator's files was read
// again, as SIGHUP asks for, and what became of it.
//
// Thread safety: Tell() belongs to one thread at a time; the rest from any.

#ifndef LATCHKEY_SERVER_APP_RELOADS_H_
#define LATCHKEY_SERVER_APP_RELOADS_H_

#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "server/base/clock.h"
#include "server/metrics/metrics_text.h"

namespace latchkey {

class Reloads {
 public:
  // `name` is what the file holds, as "tokens"; it was read at `loaded`.
  Reloads(std::string_view name, UnixNanos loaded)
      : name_(name), last_success_(loaded) {}

  Reloads(const Reloads&) = delete;
  Reloads& operator=(const Reloads&) = delete;

  // `file` was read at `now`, or why not.
  void Tell(const std::string& file, const absl::Status& status, UnixNanos now);

 private:
  friend void CollectReloads(std::span<const Reloads* const> files,
                             MetricsText& text);

  const std::string_view name_;

  // Statistics: relaxed is enough.
  std::atomic<int64_t> successes_ = 0;
  std::atomic<int64_t> failures_ = 0;
  std::atomic<UnixNanos> last_success_;
};

// Writes what a scrape tells of `files`; those that are null are left out.
void CollectReloads(std::span<const Reloads* const> files, MetricsText& text);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_APP_RELOADS_H_
