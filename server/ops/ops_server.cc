#include "server/ops/ops_server.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "server/metrics/metrics_text.h"
#include "server/ops/http_server.h"

namespace latchkey {
namespace {

constexpr char kPlainText[] = "text/plain; charset=utf-8";

constexpr int kOk = 200;
constexpr int kServiceUnavailable = 503;

void Answer(int status, const char* text, httplib::Response& response) {
  response.status = status;
  // What is true now.
  response.set_header("Cache-Control", "no-store");
  response.set_content(text, kPlainText);
}

void AnswerReadiness(Readiness::State state, httplib::Response& response) {
  switch (state) {
    case Readiness::State::kStarting:
      return Answer(kServiceUnavailable, "starting\n", response);
    case Readiness::State::kReady:
      return Answer(kOk, "ready\n", response);
    case Readiness::State::kDraining:
      return Answer(kServiceUnavailable, "draining\n", response);
  }
}

}  // namespace

OpsServer::OpsServer(OpsOptions options, const MetricsRegistry& registry,
                     const Readiness& readiness)
    : options_(std::move(options)),
      http_(std::make_unique<HttpServer>(options_)) {
  http_->Get("/metrics", [&registry](const httplib::Request&,
                                     httplib::Response& response) {
    response.set_content(registry.Expose(), MetricsText::kContentType);
  });
  http_->Get("/livez",
             [](const httplib::Request&, httplib::Response& response) {
               Answer(kOk, "ok\n", response);
             });
  http_->Get("/readyz", [&readiness](const httplib::Request&,
                                     httplib::Response& response) {
    AnswerReadiness(readiness.state(), response);
  });
}

OpsServer::~OpsServer() { Stop(); }

absl::StatusOr<int> OpsServer::Start() {
  int port = options_.port;
  if (port == 0) {
    port = http_->bind_to_any_port(options_.host);
  } else if (!http_->bind_to_port(options_.host, port)) {
    port = -1;
  }
  if (port <= 0) {
    return absl::UnavailableError(absl::StrCat(
        "cannot listen on ", options_.host, ", port ", options_.port,
        ": the port is taken, or the address is not one of this machine"));
  }
  listener_ = std::thread([this] { http_->listen_after_bind(); });
  return port;
}

void OpsServer::Stop() {
  if (!listener_.joinable()) return;
  http_->Stop();
  listener_.join();
}

}  // namespace latchkey
