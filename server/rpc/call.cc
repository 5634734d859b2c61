#include "server/rpc/call.h"

#include "server/base/check.h"

namespace latchkey {
namespace {

// Metadata by which a client asks for, and gets, the time a request spent in
// the server.
constexpr std::string_view kTimingRequest = "latchkey-timing";
constexpr std::string_view kTimingAnswer = "latchkey-server-us";

}  // namespace

void Call::AddTrailer(std::string_view name, std::string_view value) {
  LATCHKEY_CHECK(!finished_, "a trailer comes before the end of its call");
  trailers_.emplace_back(name, value);
}

void Call::Reply(const google::protobuf::MessageLite& response) {
  DoReply(response, TakeTrailers());
}

void Call::Fail(const absl::Status& error) {
  LATCHKEY_CHECK(!error.ok(), "a call fails with an error");
  DoFinish(ToWireStatus(error), TakeTrailers());
}

void Call::Close() { DoFinish(WireStatus{}, TakeTrailers()); }

void Call::Send(const google::protobuf::MessageLite& message) {
  LATCHKEY_CHECK(!finished_, "a message comes before the end of its call");
  DoSend(message);
}

void Call::Receive() {
  LATCHKEY_CHECK(!finished_, "a finished call receives nothing");
  DoReceive();
}

Trailers Call::TakeTrailers() {
  LATCHKEY_CHECK(!finished_, "a call is finished once");
  finished_ = true;
  if (FindMetadata(kTimingRequest) == "1") {
    const Nanos elapsed = clock_.Now() - arrival_;
    trailers_.emplace_back(kTimingAnswer,
                           std::to_string(elapsed / kNanosPerMicro));
  }
  return std::move(trailers_);
}

}  // namespace latchkey
