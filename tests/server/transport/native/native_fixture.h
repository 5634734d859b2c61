// A NativeServer with a small service of the tests' own, and a check that it
// still answers, which follows every test.
//
// Thread safety: belongs to the test's thread.

#ifndef LATCHKEY_TESTS_SERVER_TRANSPORT_NATIVE_NATIVE_FIXTURE_H_
#define LATCHKEY_TESTS_SERVER_TRANSPORT_NATIVE_NATIVE_FIXTURE_H_

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "server/base/clock.h"
#include "server/base/error.h"
#include "server/base/mutex.h"
#include "server/runtime/asio_executor.h"
#include "server/transport/native/native_server.h"
#include "tests/server/transport/native/raw_client.h"
#include "tests/server/transport/test_streams.h"

namespace latchkey {

// The serialized request with this value.
inline std::string Request(std::string value) {
  return Bytes(std::move(value)).SerializeAsString();
}

// The value of the only message in `body`.
inline std::string ValueOf(const std::string& body) {
  EXPECT_GE(body.size(), 5u);
  return body.size() < 5 ? "" : Parse(std::string_view(body).substr(5)).value();
}

class NativeFixture : public testing::Test {
 protected:
  explicit NativeFixture(NativeServerOptions options = {}) {
    methods_.AddUnary("/test.Test/Echo", [](Call& call, std::string_view in) {
      call.Reply(Parse(in));
    });
    methods_.AddUnary("/test.Test/Fail", [](Call& call, std::string_view) {
      call.AddTrailer("bytes-bin", std::string("\0\xff", 2));
      call.Fail(MakeInvalidArgument(ErrorReason::kInvalidKey, "key", "100%\n"));
    });
    methods_.AddUnary(
        "/test.Test/Metadata", [](Call& call, std::string_view in) {
          call.Reply(Bytes(std::string(
              call.FindMetadata(Parse(in).value()).value_or("(none)"))));
        });
    // Answers with as many bytes as the request says.
    methods_.AddUnary(
        "/test.Test/Sized", [this](Call& call, std::string_view in) {
          ++sized_calls_;
          call.Reply(Bytes(std::string(std::stoul(Parse(in).value()), 's')));
        });
    // Answers with large_ as it stands, between other bytes.
    methods_.AddUnary("/test.Test/Large", [this](Call& call, std::string_view) {
      const std::string whole = Bytes(*large_).SerializeAsString();
      call.Reply(ReplyBody::Of(
          LargeReply{.head = whole.substr(0, whole.size() - large_->size()),
                     .tail = "\x10\x01",
                     .bytes = *large_,
                     .owner = large_}));
    });
    methods_.AddUnary("/test.Test/Hold", [this](Call& call, std::string_view) {
      MutexLock lock(mutex_);
      held_.push_back(&call);
    });
    // Keeps its thread until the test lets go of it.
    methods_.AddUnary("/test.Test/Block", [this](Call& call, std::string_view) {
      blocked_ = true;
      WaitUntil([this] { return !blocked_; });
      call.Reply(Bytes("late"));
    });
    methods_.AddUnary(
        "/test.Test/Health",
        [](Call& call, std::string_view in) { call.Reply(Parse(in)); },
        MethodClass::kAboutServer);
    methods_.AddStream("/test.Test/EchoStream", [](Call& call) {
      return std::make_unique<EchoStream>(call);
    });
    methods_.AddStream("/test.Test/Endless", [this](Call& call) {
      return std::make_unique<EndlessStream>(call, clock_, log_);
    });
    server_ =
        std::make_unique<NativeServer>(std::move(options), methods_, clock_);
    const absl::StatusOr<int> port = server_->Start();
    EXPECT_TRUE(port.ok()) << port.status();
    if (port.ok()) port_ = *port;
  }

  void TearDown() override {
    ReleaseHeld();
    if (!ends_in_drain_) {
      RawClient client(port_);
      client.Handshake();
      const RawAnswer answer = client.Call("/test.Test/Echo", Request("after"));
      EXPECT_EQ(answer.status, "0");
      EXPECT_EQ(ValueOf(answer.body), "after");
    }
    WaitUntil([this] { return server_->live_calls() == 0; });
  }

  // Lets go of the calls that /Hold keeps.
  void ReleaseHeld() {
    std::vector<Call*> held;
    {
      MutexLock lock(mutex_);
      held.swap(held_);
    }
    for (Call* const call : held) call->Reply(Bytes("late"));
  }

  size_t held() {
    MutexLock lock(mutex_);
    return held_.size();
  }

  Call& OnlyHeld() {
    WaitUntil([this] { return held() == 1; });
    MutexLock lock(mutex_);
    return *held_[0];
  }

  const SystemClock clock_;
  MethodTable methods_;
  StreamLog log_;
  std::atomic<int> sized_calls_ = 0;
  const std::shared_ptr<const std::string> large_ = [] {
    auto bytes = std::make_shared<std::string>();
    for (int i = 0; i < 300'000; ++i) *bytes += static_cast<char>(i % 251);
    return bytes;
  }();
  std::atomic<bool> blocked_ = false;
  Mutex mutex_;
  std::vector<Call*> held_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<NativeServer> server_;
  int port_ = 0;
  bool ends_in_drain_ = false;
};

// One fixture for each set of options.
class NativeServerTest : public NativeFixture {
 protected:
  NativeServerTest() : NativeFixture({.threads = 2}) { client_.Handshake(); }
  explicit NativeServerTest(NativeServerOptions options)
      : NativeFixture(std::move(options)) {
    client_.Handshake();
  }

  RawClient client_{port_};
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SERVER_TRANSPORT_NATIVE_NATIVE_FIXTURE_H_
