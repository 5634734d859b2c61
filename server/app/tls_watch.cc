#include "server/app/tls_watch.h"

#include <string>

#include "server/app/log.h"

namespace latchkey {

void TlsWatch::Start() {
  steps_.emplace(executor_, kPause, [this] {
    Step();
    return false;
  });
}

void TlsWatch::LookNow() { steps_->StepNow(); }

void TlsWatch::Step() {
  const std::optional<absl::Status> news = keeper_.Look();
  if (!news.has_value()) return;
  if (news->ok()) {
    Log(LogLevel::kInfo, "tls-reloaded",
        {{"certificate", keeper_.options().certificate_file}});
  } else {
    Log(LogLevel::kError, "tls-reload-failed",
        {{"reason", std::string(news->message())},
         {"serving", "the certificate and key as they were before"}});
  }
}

void CollectTlsMetrics(const TlsKeeper& keeper, MetricsText& text) {
  text.Family("latchkey_tls_reloads_total", MetricType::kCounter,
              "Times that the files for TLS had become another certificate, "
              "key or client CA, and times that they could not be used, so "
              "that the old ones are served.");
  text.Sample({{"result", "ok"}}, keeper.reloads());
  text.Sample({{"result", "failed"}}, keeper.failures());
  text.Family("latchkey_tls_certificate_expiry_seconds", MetricType::kGauge,
              "When the server's certificate expires, in seconds since the "
              "Unix epoch.");
  text.SampleSeconds({}, keeper.identity()->expire_time());
}

}  // namespace latchkey
