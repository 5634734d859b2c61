// FakeCall is a Call without a transport: it records how its handler answers.
//
// It also holds handlers to the rules of call.h: one Send() and one Receive()
// at a time.  For a streaming call a test plays the transport: it hands
// messages to the StreamHandler after the call was asked to receive, and calls
// OnSent() after Sent().
//
// Thread safety: none; a test that has several threads keeps them apart.
//
// Example:
//   FakeCall call(clock);
//   DispatchUnary(*methods.Find("/latchkey.v1.Cache/Get"), call, bytes, now);
//   EXPECT_EQ(call.error().reason, "INVALID_KEY");

#ifndef LATCHKEY_TESTS_SUPPORT_FAKE_CALL_H_
#define LATCHKEY_TESTS_SUPPORT_FAKE_CALL_H_

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/base/clock.h"
#include "server/rpc/call.h"
#include "server/rpc/status_mapping.h"
#include "server/runtime/deadline.h"

namespace latchkey {

// The end of a call, as a client takes it apart.
struct FakeCallError {
  absl::StatusCode code = absl::StatusCode::kOk;
  std::string message;
  // Of ErrorInfo; empty without one.
  std::string reason;
  std::string domain;
  std::map<std::string, std::string> metadata;
  // Of BadRequest's first violation; empty without one.
  std::string field;
};

inline FakeCallError TakeApart(const WireStatus& status) {
  FakeCallError error;
  error.code = static_cast<absl::StatusCode>(status.code);
  error.message = status.message;
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.details));
  for (const auto& any : details.details()) {
    google::rpc::ErrorInfo info;
    google::rpc::BadRequest bad_request;
    if (any.UnpackTo(&info)) {
      error.reason = info.reason();
      error.domain = info.domain();
      error.metadata = {info.metadata().begin(), info.metadata().end()};
    } else if (any.UnpackTo(&bad_request)) {
      EXPECT_EQ(bad_request.field_violations_size(), 1);
      error.field = bad_request.field_violations(0).field();
    } else {
      ADD_FAILURE() << "an unknown detail: " << any.type_url();
    }
  }
  return error;
}

class FakeCall final : public Call {
 public:
  explicit FakeCall(const Clock& clock, UnixNanos deadline = kNever)
      : Call(clock, clock.Now()), source_(deadline) {}

  std::string_view method() const override { return "/test.Service/Method"; }
  std::string_view principal() const override { return principal_; }
  std::optional<std::string_view> FindMetadata(
      std::string_view name) const override {
    const auto it = metadata_.find(name);
    if (it == metadata_.end()) return std::nullopt;
    return it->second;
  }
  DeadlineToken token() const override { return source_.token(); }

  void set_principal(std::string principal) {
    principal_ = std::move(principal);
  }

  // What the client sends beside its messages.
  void SetMetadata(std::string name, std::string value) {
    metadata_[std::move(name)] = std::move(value);
  }

  // Ends the token; a test of a stream then calls OnCancel().
  void End(EndReason reason) { source_.End(reason); }
  // As the timer of a transport.
  void Expire(UnixNanos now) { source_.Expire(now); }

  // From now on `hook` is called, on the handler's thread, after each Send()
  // and when the call was finished.
  void set_hook(std::function<void()> hook) { hook_ = std::move(hook); }

  // How the call was finished.
  bool is_finished() const { return finished(); }
  bool ok() const { return status_.has_value() && status_->code == 0; }
  FakeCallError error() const {
    if (!status_.has_value()) {
      ADD_FAILURE() << "the call was not finished";
      return {};
    }
    return TakeApart(*status_);
  }
  const Trailers& trailers() const { return trailers_; }

  // The response of a unary call that went well.
  template <typename Response>
  Response reply() const {
    EXPECT_TRUE(reply_.has_value()) << (finished() ? error().message : "");
    return Parse<Response>(reply_.value_or(""));
  }

  // The response as it goes over the wire.
  const std::string& reply_bytes() const {
    EXPECT_TRUE(reply_.has_value());
    return *reply_;
  }

  // Whether the handler waits for a message; asking takes the wish.
  bool TakeReceive() { return std::exchange(receiving_, false); }

  // Whether a message was sent since the last time; Sent() takes the last one.
  bool has_sent() const { return sent_.has_value(); }
  template <typename Message>
  Message Sent() {
    EXPECT_TRUE(has_sent());
    return Parse<Message>(std::exchange(sent_, std::nullopt).value_or(""));
  }

 private:
  template <typename Message>
  static Message Parse(const std::string& bytes) {
    Message message;
    EXPECT_TRUE(message.ParseFromString(bytes));
    return message;
  }

  void DoReply(const ReplyBody& response, Trailers trailers) override {
    reply_ = response.ToString();
    status_ = WireStatus{};
    trailers_ = std::move(trailers);
    if (hook_) hook_();
  }
  void DoFinish(const WireStatus& status, Trailers trailers) override {
    status_ = status;
    trailers_ = std::move(trailers);
    if (hook_) hook_();
  }
  void DoSend(const google::protobuf::MessageLite& message) override {
    EXPECT_FALSE(sent_.has_value()) << "one message is sent at a time";
    sent_ = message.SerializeAsString();
    if (hook_) hook_();
  }
  void DoReceive() override {
    EXPECT_FALSE(receiving_) << "one message is asked for at a time";
    receiving_ = true;
  }

  DeadlineSource source_;
  std::string principal_;
  std::map<std::string, std::string, std::less<>> metadata_;
  std::optional<std::string> reply_;
  std::optional<WireStatus> status_;
  Trailers trailers_;
  std::optional<std::string> sent_;
  bool receiving_ = false;
  std::function<void()> hook_;
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SUPPORT_FAKE_CALL_H_
