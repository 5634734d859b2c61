// The streaming methods of the tests' own service: one for each way in which a
// handler and a transport can meet.
//
// Thread safety: as StreamHandler says; a StreamLog is read by the test's
// thread.

#ifndef LATCHKEY_TESTS_SERVER_TRANSPORT_TEST_STREAMS_H_
#define LATCHKEY_TESTS_SERVER_TRANSPORT_TEST_STREAMS_H_

#include <google/protobuf/wrappers.pb.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "server/base/clock.h"
#include "server/rpc/call.h"
#include "server/rpc/method_table.h"
#include "server/runtime/deadline.h"

namespace latchkey {

inline google::protobuf::BytesValue Bytes(std::string value) {
  google::protobuf::BytesValue message;
  message.set_value(std::move(value));
  return message;
}

inline google::protobuf::BytesValue Parse(std::string_view bytes) {
  google::protobuf::BytesValue message;
  message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  return message;
}

// Sends every message back, one at a time.
class EchoStream final : public StreamHandler {
 public:
  explicit EchoStream(Call& call) : call_(call) { call_.Receive(); }

  void OnMessage(std::string_view message) override {
    call_.Send(Parse(message));
  }
  void OnSent() override { call_.Receive(); }
  void OnHalfClose() override { call_.Close(); }
  void OnCancel() override { call_.Fail(absl::CancelledError("cancelled")); }

 private:
  Call& call_;
};

// What a stream was told, for the test to look at.
struct StreamLog {
  std::atomic<bool> started = false;
  std::atomic<bool> cancelled = false;
  std::atomic<bool> done = false;
  std::atomic<EndReason> end = EndReason::kNone;
};

// Sends without end until it is cancelled; a slow reader blocks it.
class EndlessStream final : public StreamHandler {
 public:
  EndlessStream(Call& call, const Clock& clock, StreamLog& log)
      : call_(call), clock_(clock), log_(log) {
    log_.started = true;
    OnSent();
  }

  void OnMessage(std::string_view) override {}
  void OnHalfClose() override {}
  void OnSent() override { call_.Send(Bytes(std::string(10'000, 'x'))); }
  void OnCancel() override {
    log_.cancelled = true;
    log_.end = call_.token().Check(clock_.Now());
    call_.Fail(absl::CancelledError("cancelled"));
  }
  void OnDone() override { log_.done = true; }

 private:
  Call& call_;
  const Clock& clock_;
  StreamLog& log_;
};

// Sends one message and closes without waiting for it to be sent.
class HastyStream final : public StreamHandler {
 public:
  explicit HastyStream(Call& call) {
    call.AddTrailer("farewell", "yes");
    call.Send(Bytes(std::string(1'000'000, 'h')));
    call.Close();
  }

  void OnMessage(std::string_view) override {}
  void OnHalfClose() override {}
  void OnSent() override { ADD_FAILURE() << "told after the end"; }
  void OnCancel() override { ADD_FAILURE() << "told after the end"; }
};

// Tells its deadline and ends.
class TellDeadlineStream final : public StreamHandler {
 public:
  explicit TellDeadlineStream(Call& call) : call_(call) {
    call.Send(Bytes(std::to_string(call.token().deadline())));
  }

  void OnMessage(std::string_view) override {}
  void OnHalfClose() override {}
  void OnSent() override { call_.Close(); }
  void OnCancel() override {}

 private:
  Call& call_;
};

// Longer than anything here takes: a test that needs it has failed.
inline constexpr std::chrono::seconds kPatience(60);

inline void WaitUntil(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    ASSERT_LT(std::chrono::steady_clock::now(), end) << "waited in vain";
    std::this_thread::yield();
  }
}

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SERVER_TRANSPORT_TEST_STREAMS_H_
