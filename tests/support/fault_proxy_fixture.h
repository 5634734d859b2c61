// A FaultProxy in front of a listener, and sockets at both of its ends.

#ifndef LATCHKEY_TESTS_SUPPORT_FAULT_PROXY_FIXTURE_H_
#define LATCHKEY_TESTS_SUPPORT_FAULT_PROXY_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "tests/support/fault_proxy.h"
#include "tests/support/test_sockets.h"

namespace latchkey {

// A client and a server at the two ends of one connection through the proxy.
struct Ends {
  TestSocket client;
  TestSocket server;
};

class FaultProxyTest : public testing::Test {
 protected:
  FaultProxyTest() {
    auto proxy = FaultProxy::Start(listener_.address());
    EXPECT_TRUE(proxy.ok()) << proxy.status();
    proxy_ = *std::move(proxy);
  }

  TestSocket Connect() { return TestSocket::Connect(proxy_->address()); }

  Ends Open() {
    TestSocket client = Connect();
    return {std::move(client), listener_.Accept()};
  }

  // Opens a connection that is mirrored, and tells the server's ends apart.
  struct MirroredEnds {
    TestSocket client;
    TestSocket server;
    TestSocket mirror;
  };
  MirroredEnds OpenMirrored() {
    TestSocket client = Connect();
    TestSocket one = listener_.Accept();
    TestSocket other = listener_.Accept();
    // Only the original's answers come through.
    one.Send("1");
    other.Send("2");
    const std::string first = client.Receive(1);
    EXPECT_THAT(first, testing::AnyOf("1", "2"));
    if (first == "1") {
      return {std::move(client), std::move(one), std::move(other)};
    }
    return {std::move(client), std::move(other), std::move(one)};
  }

  // Makes sure that the proxy has seen all that was sent before: its thread has
  // gone round with bytes of another connection, more often than it takes.
  void LetProxyTurn() {
    const uint64_t open = proxy_->counters().connections_open;
    Ends ends = Open();
    for (int i = 0; i < 20; ++i) {
      ends.client.Send("x");
      EXPECT_EQ(ends.server.Receive(1), "x");
      ends.server.Send("y");
      EXPECT_EQ(ends.client.Receive(1), "y");
    }
    ends.client.Reset();
    WaitUntil([open](const FaultCounters& counters) {
      return counters.connections_open == open;
    });
  }

  void WaitUntil(const std::function<bool(const FaultCounters&)>& condition) {
    const auto end = std::chrono::steady_clock::now() +
                     std::chrono::seconds(TestSocket::kPatienceSeconds);
    while (!condition(proxy_->counters())) {
      ASSERT_LT(std::chrono::steady_clock::now(), end) << "waited in vain";
      std::this_thread::yield();
    }
  }

  TestListener listener_;
  std::unique_ptr<FaultProxy> proxy_;
};

// A frame of HTTP/2, shorter than 128 bytes.
inline std::string Frame(char type, const std::string& payload) {
  return std::string{0, 0, static_cast<char>(payload.size()), type, 0, 0, 0,
                     0, 1} +
         payload;
}

inline constexpr char kData = 0;
inline constexpr char kHeaders = 1;
inline constexpr char kSettings = 4;

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SUPPORT_FAULT_PROXY_FIXTURE_H_
