#include "tests/support/fault_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "tests/support/fault_proxy.h"
#include "tests/support/test_sockets.h"

namespace latchkey {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class FaultCommandTest : public testing::Test {
 protected:
  FaultCommandTest() {
    auto proxy = FaultProxy::Start(listener_.address());
    EXPECT_TRUE(proxy.ok()) << proxy.status();
    proxy_ = *std::move(proxy);
  }

  std::string Run(const std::string& line) {
    return RunFaultCommand(*proxy_, line);
  }

  TestListener listener_;
  std::unique_ptr<FaultProxy> proxy_;
};

TEST_F(FaultCommandTest, CommandsOnConnectionsSayHowMany) {
  TestSocket client = TestSocket::Connect(proxy_->address());
  TestSocket server = listener_.Accept();
  EXPECT_EQ(Run("drop to-server"), "ok connections=1");
  EXPECT_EQ(Run("resume both"), "ok connections=1");
  EXPECT_EQ(Run("  delay\tto-client  0 \r"), "ok connections=1");
  EXPECT_EQ(Run("truncate to-client 2"), "ok connections=1");
  server.Send("abc");
  EXPECT_EQ(client.Receive(3), "ab");
  EXPECT_EQ(Run("reset"), "ok connections=0");
}

TEST_F(FaultCommandTest, TargetGoesElsewhere) {
  TestListener other;
  EXPECT_EQ(Run("target " + other.address()), "ok");
  TestSocket client = TestSocket::Connect(proxy_->address());
  other.Accept().Send("x");
  EXPECT_EQ(client.Receive(1), "x");
}

TEST_F(FaultCommandTest, MirrorTakesACountAndALag) {
  EXPECT_EQ(Run("mirror all 1"), "ok");
  EXPECT_EQ(Run("mirror off"), "ok");
  EXPECT_EQ(Run("mirror 1"), "ok");
  for (int i = 0; i < 2; ++i) {
    TestSocket client = TestSocket::Connect(proxy_->address());
    TestSocket server = listener_.Accept();
    if (i == 0) listener_.Accept();
  }
  EXPECT_THAT(Run("counters"), HasSubstr(" mirrored=1 "));
}

TEST_F(FaultCommandTest, LoseRepliesArms) {
  EXPECT_EQ(Run("lose-replies 1"), "ok");
  TestSocket client = TestSocket::Connect(proxy_->address());
  TestSocket server = listener_.Accept();
  server.Send(std::string("\0\0\0\1\0\0\0\0\1", 9));
  EXPECT_TRUE(client.ReceivesReset());
  EXPECT_THAT(Run("counters"), HasSubstr(" replies-lost=1 "));
}

TEST_F(FaultCommandTest, RandomSaysItsSeedAndTakesAllOfItsNames) {
  EXPECT_EQ(Run("random seed=18446744073709551615 bytes=9 reset=1 lose-reply=2 "
                "truncate=3 delay=4 drop=5 mirror=6 delay-ms=7 drop-ms=8 "
                "mirror-lag-ms=9 truncate-bytes=10"),
            "ok seed=18446744073709551615");
  EXPECT_THAT(Run("random reset=1"), StartsWith("ok seed="));
  EXPECT_EQ(Run("random off"), "ok");
  EXPECT_EQ(Run("random reset=1 seed=5 bytes=1"), "ok seed=5");
  TestSocket client = TestSocket::Connect(proxy_->address());
  client.Send("x");
  EXPECT_TRUE(client.ReceivesReset());
}

TEST_F(FaultCommandTest, CountersNamesEachCount) {
  EXPECT_EQ(
      Run("counters"),
      "ok connections=0 open=0 unreachable=0 resets=0 replies-lost=0 "
      "truncations=0 drops=0 delays=0 mirrored=0 mirrors-cut=0 "
      "mirrors-open=0 bytes-to-server=0 bytes-to-client=0 bytes-mirrored=0");
}

TEST_F(FaultCommandTest, WhatIsNotUnderstoodIsAnsweredWithTheReason) {
  const std::pair<const char*, const char*> rows[] = {
      {"", "empty line"},
      {"explode", "no command explode"},
      {"drop", "usage: drop DIRECTION"},
      {"reset now", "usage: reset"},
      {"drop sideways", "not sideways"},
      {"delay both -1", "MS is a number"},
      {"delay both 86400001", "MS is a number"},
      {"truncate both x", "BYTES is a number"},
      {"lose-replies 1e3", "COUNT is a number"},
      {"mirror some", "COUNT is a number"},
      {"mirror all soon", "LAG_MS is a number"},
      {"target nowhere", "ADDRESS:PORT"},
      {"random reset", "NAME=NUMBER"},
      {"random rest=1", "no rest"},
      {"random reset=", "reset is a number"},
      {"random mirror=101", "mirror is 0 to 100"},
      {"random off now", "usage: random off"},
  };
  for (const auto& [line, reason] : rows) {
    const std::string answer = Run(line);
    EXPECT_THAT(answer, StartsWith("error ")) << line;
    EXPECT_THAT(answer, HasSubstr(reason)) << line;
    EXPECT_EQ(answer.find('\n'), std::string::npos) << line;
  }
  // A line that ends in an error has changed nothing.
  TestSocket client = TestSocket::Connect(proxy_->address());
  client.Send("x");
  EXPECT_EQ(listener_.Accept().Receive(1), "x");
}

}  // namespace
}  // namespace latchkey
