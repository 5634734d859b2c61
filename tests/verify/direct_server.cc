#include "tests/verify/direct_server.h"

#include <grpcpp/support/status.h>

#include <utility>

#include "server/service/options.h"

namespace latchkey::verify {

DirectServer::DirectServer(const DirectServerOptions& options,
                           const Clock& clock)
    : clock_(clock),
      random_(options.seed),
      store_(options.store, clock_, random_),
      service_(store_, clock_, ServiceOptions{}) {
  service_.Register(table_);
  for (size_t i = 0; i < kMethods; ++i) {
    methods_[i] = table_.Find(MethodPath(static_cast<Method>(i)));
  }
}

bool DirectAnswer::Equals(const DirectAnswer& other) const {
  return response == other.response && status.code == other.status.code &&
         status.message == other.status.message &&
         status.details == other.status.details;
}

client::CallError DirectAnswer::Error() const {
  return client::DecodeCallError(
      grpc::Status(static_cast<grpc::StatusCode>(status.code), status.message,
                   status.details));
}

DirectCopy::DirectCopy(DirectServer& server, Method method,
                       std::string_view request, const Options& options)
    : Call(server.clock(), server.clock().Now()),
      server_(server),
      method_(method),
      request_(request),
      options_(options),
      source_(options.deadline) {}

void DirectCopy::Run() {
  const latchkey::Method& method = server_.method(method_);
  if (options_.ended) {
    source_.End(EndReason::kClientCancelled);
    // What a transport does whose call ends when it has been dispatched.
    method.unary(*this, request_);
  } else {
    DispatchUnary(method, *this, request_, server_.clock().Now());
  }
}

std::optional<std::string_view> DirectCopy::FindMetadata(
    std::string_view name) const {
  if (name != "latchkey-stamp" || options_.stamp.empty()) return std::nullopt;
  return options_.stamp;
}

void DirectCopy::DoReply(const ReplyBody& response, Trailers trailers) {
  answer_.response = response.ToString();
  TakeTrailers(std::move(trailers));
}

void DirectCopy::DoFinish(const WireStatus& status, Trailers trailers) {
  answer_.status = status;
  TakeTrailers(std::move(trailers));
}

void DirectCopy::TakeTrailers(Trailers trailers) {
  for (auto& [name, value] : trailers) {
    if (name == "latchkey-replayed") answer_.replayed = value == "1";
    if (name == "latchkey-stamp") answer_.stamp = std::move(value);
  }
}

}  // namespace latchkey::verify
