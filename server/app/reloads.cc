#include "server/app/reloads.h"

#include "absl/strings/str_cat.h"
#include "server/app/log.h"
#include "server/base/string_view.h"

namespace latchkey {

void Reloads::Tell(const std::string& file, const absl::Status& status,
                   UnixNanos now) {
  if (status.ok()) {
    successes_.fetch_add(1, std::memory_order_relaxed);
    last_success_.store(now, std::memory_order_relaxed);
    Log(LogLevel::kInfo, absl::StrCat(ToAbsl(name_), "-reloaded"),
        {{"file", file}});
  } else {
    failures_.fetch_add(1, std::memory_order_relaxed);
    Log(LogLevel::kError, absl::StrCat(ToAbsl(name_), "-reload-failed"),
        {{"reason", std::string(status.message())},
         {"serving",
          absl::StrCat("the ", ToAbsl(name_), " as they were before")}});
  }
}

void CollectReloads(std::span<const Reloads* const> files, MetricsText& text) {
  text.Family("latchkey_access_reloads_total", MetricType::kCounter,
              "Times that a file of who may do what was read again, and times "
              "that it could not be used, so that the old one counts.");
  for (const Reloads* const file : files) {
    if (file == nullptr) continue;
    text.Sample({{"file", file->name_}, {"result", "ok"}},
                file->successes_.load(std::memory_order_relaxed));
    text.Sample({{"file", file->name_}, {"result", "failed"}},
                file->failures_.load(std::memory_order_relaxed));
  }
  text.Family("latchkey_access_last_reload_success_timestamp_seconds",
              MetricType::kGauge,
              "When such a file was last read and used, at the start at "
              "first, in seconds since the Unix epoch.");
  for (const Reloads* const file : files) {
    if (file == nullptr) continue;
    text.SampleSeconds({{"file", file->name_}},
                       file->last_success_.load(std::memory_order_relaxed));
  }
}

}  // namespace latchkey
