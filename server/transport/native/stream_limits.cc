// What a Stream takes of what all share, and whether it may.

#include <utility>

#include "server/transport/native/session.h"
#include "server/transport/native/stream.h"
#include "server/transport/native/worker.h"

namespace latchkey {
namespace {

// What connections share.
size_t UseOfCalls(const Session& session) {
  return static_cast<size_t>(session.calls - session.about_server_calls);
}
size_t UseOfServerCalls(const Session& session) {
  return static_cast<size_t>(session.about_server_calls);
}
size_t UseOfRequests(const Session& session) { return session.request_bytes; }
size_t UseOfReplies(const Session& session) { return session.reply_bytes; }

}  // namespace

bool Stream::TakeSlot() {
  const NativeServerOptions& options = worker_.options();
  worker_.CountCall(1);
  ++session_->calls;
  if (method_ != nullptr && method_->about_server) {
    ++worker_.about_server_calls;
    ++session_->about_server_calls;
    const auto fits = [this] {
      return worker_.about_server_calls <=
             worker_.parts().about_server_calls_max;
    };
    if (!fits()) worker_.MakeRoom(UseOfServerCalls, *session_);
    return fits() && session_->about_server_calls <=
                         options.about_server_calls_per_connection_max;
  }
  const auto fits = [this] {
    return worker_.live_calls() - worker_.about_server_calls <=
           worker_.parts().calls_max;
  };
  if (!fits()) worker_.MakeRoom(UseOfCalls, *session_);
  return fits() && session_->calls - session_->about_server_calls <=
                       options.calls_per_connection_max;
}

void Stream::GiveSlotBack() {
  worker_.CountCall(-1);
  --session_->calls;
  if (std::exchange(counted_, false)) caller_.account->live_calls().Give(1);
  if (method_ == nullptr || !method_->about_server) return;
  --worker_.about_server_calls;
  --session_->about_server_calls;
}

absl::Status Stream::TakeOfPrincipal() {
  PrincipalAccount* const account = caller_.account;
  if (account == nullptr || method_->about_server) return absl::OkStatus();
  if (!session_->ClaimConnection(*account)) {
    return account->OverLimitError(kConnectionsLimit);
  }
  counted_ = account->live_calls().Take(1);
  return counted_ ? absl::OkStatus() : account->OverLimitError(kLiveCallsLimit);
}

bool Stream::IsOverBudget() const {
  // What is about the server is bounded by its few slots.
  if (method_->about_server) return false;
  const size_t replies_max = worker_.parts().reply_bytes_max;
  if (worker_.reply_bytes > replies_max) {
    worker_.MakeRoom(UseOfReplies, *session_);
  }
  return HoldsTooMuch() || worker_.reply_bytes > replies_max ||
         session_->reply_bytes > worker_.options().connection_reply_bytes_max;
}

bool Stream::HoldsTooMuch() const {
  const size_t requests_max = worker_.parts().request_bytes_max;
  if (worker_.request_bytes > requests_max) {
    worker_.MakeRoom(UseOfRequests, *session_);
  }
  return worker_.request_bytes > requests_max;
}

void Stream::CountRequest() {
  const size_t bytes =
      reader_.buffered_bytes() + inbox_.size() + inflated_.size();
  worker_.request_bytes += bytes - request_counted_;
  if (session_ != nullptr) session_->request_bytes += bytes - request_counted_;
  request_counted_ = bytes;
}

}  // namespace latchkey
