#include "tests/support/fault_proxy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/fault_proxy_fixture.h"
#include "tests/support/test_sockets.h"

namespace latchkey {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

TEST_F(FaultProxyTest, ForwardsBothWaysAndEachEndOfTheStream) {
  Ends ends = Open();
  ends.client.Send("question");
  EXPECT_EQ(ends.server.Receive(8), "question");
  ends.client.EndStream();
  EXPECT_TRUE(ends.server.ReceivesEnd());
  ends.server.Send("answer");
  ends.server.EndStream();
  EXPECT_EQ(ends.client.Receive(6), "answer");
  EXPECT_TRUE(ends.client.ReceivesEnd());
  WaitUntil(
      [](const auto& counters) { return counters.connections_open == 0; });
  const FaultCounters counters = proxy_->counters();
  EXPECT_EQ(counters.connections, 1u);
  EXPECT_EQ(counters.bytes_to_server, 8u);
  EXPECT_EQ(counters.bytes_to_client, 6u);
  EXPECT_EQ(counters.resets, 0u);
}

TEST_F(FaultProxyTest, ForwardsMuchMoreThanItHolds) {
  Ends ends = Open();
  std::string much;
  for (int i = 0; i < 1'000'000; ++i) much += std::to_string(i);
  std::thread sender([&] { ends.client.Send(much); });
  EXPECT_TRUE(ends.server.Receive(much.size()) == much);
  sender.join();
}

TEST_F(FaultProxyTest, PassesOnAReset) {
  Ends ends = Open();
  ends.client.Reset();
  EXPECT_TRUE(ends.server.ReceivesReset());
  EXPECT_EQ(proxy_->counters().resets, 0u) << "it was not the proxy's fault";
}

TEST_F(FaultProxyTest, LaterConnectionsGoToANewTarget) {
  Ends before = Open();
  TestListener restarted;
  ASSERT_TRUE(proxy_->SetTarget(restarted.address()).ok());
  TestSocket client = Connect();
  TestSocket server = restarted.Accept();
  client.Send("new");
  EXPECT_EQ(server.Receive(3), "new");
  before.client.Send("old");
  EXPECT_EQ(before.server.Receive(3), "old");
}

TEST_F(FaultProxyTest, ATargetThatDoesNotListenResetsTheClient) {
  std::string nobody;
  {
    TestListener gone;
    nobody = gone.address();
  }
  ASSERT_TRUE(proxy_->SetTarget(nobody).ok());
  EXPECT_TRUE(Connect().ReceivesReset());
  EXPECT_EQ(proxy_->counters().unreachable, 1u);
  EXPECT_EQ(proxy_->counters().resets, 0u);
}

TEST_F(FaultProxyTest, RefusesATargetThatIsNone) {
  for (const char* target :
       {"", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536",
        "localhost:80", "127.0.0.1:80x"}) {
    EXPECT_EQ(proxy_->SetTarget(target).code(),
              absl::StatusCode::kInvalidArgument)
        << target;
    EXPECT_EQ(FaultProxy::Start(target).status().code(),
              absl::StatusCode::kInvalidArgument)
        << target;
  }
  // The one it had is still in use.
  Open();
  EXPECT_TRUE(proxy_->SetTarget("[::1]:80").ok());
}

TEST_F(FaultProxyTest, DropStopsOneDirectionUntilResume) {
  Ends ends = Open();
  EXPECT_EQ(proxy_->Drop(Direction::kToServer), 1);
  ends.client.Send("held");
  ends.client.EndStream();
  ends.server.Send("free");
  EXPECT_EQ(ends.client.Receive(4), "free");
  LetProxyTurn();
  EXPECT_TRUE(ends.server.Silent());
  EXPECT_EQ(proxy_->Resume(Direction::kToServer), 1);
  EXPECT_EQ(ends.server.Receive(4), "held");
  EXPECT_TRUE(ends.server.ReceivesEnd());
  EXPECT_EQ(proxy_->counters().drops, 1u);
}

TEST_F(FaultProxyTest, DropOfBothDirectionsLeavesLaterConnectionsAlone) {
  Ends ends = Open();
  EXPECT_EQ(proxy_->Drop(Direction::kBoth), 1);
  ends.client.Send("a");
  ends.server.Send("b");
  LetProxyTurn();
  EXPECT_TRUE(ends.server.Silent());
  EXPECT_TRUE(ends.client.Silent());
  EXPECT_EQ(proxy_->Resume(Direction::kToClient), 1);
  EXPECT_EQ(ends.client.Receive(1), "b");
  EXPECT_TRUE(ends.server.Silent());
}

TEST_F(FaultProxyTest, AStoppedDirectionMakesItsSenderWait) {
  Ends ends = Open();
  proxy_->Drop(Direction::kToServer);
  // More than the two sockets and the proxy hold, however much the kernel gives
  // them.
  constexpr size_t kMost = 256 * 1024 * 1024;
  const std::string piece(1024 * 1024, 'x');
  size_t sent = 0;
  pollfd writable = {ends.client.fd(), POLLOUT, 0};
  while (sent < kMost && poll(&writable, 1, /*timeout_ms=*/200) == 1) {
    const ssize_t now = send(ends.client.fd(), piece.data(), piece.size(),
                             MSG_DONTWAIT | MSG_NOSIGNAL);
    ASSERT_GT(now, 0);
    sent += static_cast<size_t>(now);
  }
  EXPECT_LT(sent, kMost);
}

TEST_F(FaultProxyTest, DelayHoldsTheNextChunkOnly) {
  Ends ends = Open();
  constexpr milliseconds kDelay(50);
  EXPECT_EQ(proxy_->Delay(Direction::kToClient, kDelay), 1);
  // The other direction is not held.
  ends.client.Send("question");
  EXPECT_EQ(ends.server.Receive(8), "question");
  EXPECT_EQ(proxy_->counters().delays, 0u);
  const auto start = steady_clock::now();
  ends.server.Send("late");
  EXPECT_EQ(ends.client.Receive(4), "late");
  EXPECT_GE(steady_clock::now() - start, kDelay);
  ends.server.Send("soon");
  EXPECT_EQ(ends.client.Receive(4), "soon");
  EXPECT_EQ(proxy_->counters().delays, 1u);
}

TEST_F(FaultProxyTest, TruncateForwardsSoManyBytesAndCloses) {
  for (const bool to_client : {true, false}) {
    Ends ends = Open();
    EXPECT_EQ(proxy_->Truncate(
                  to_client ? Direction::kToClient : Direction::kToServer, 5),
              1);
    TestSocket& from = to_client ? ends.server : ends.client;
    TestSocket& to = to_client ? ends.client : ends.server;
    from.Send("abc");
    EXPECT_EQ(to.Receive(3), "abc");
    from.Send("defgh");
    EXPECT_EQ(to.Receive(5), "de");
    EXPECT_TRUE(from.ReceivesEnd());
  }
  EXPECT_EQ(proxy_->counters().truncations, 2u);
  EXPECT_EQ(proxy_->counters().bytes_to_client, 5u);
  EXPECT_EQ(proxy_->counters().bytes_to_server, 5u);
}

TEST_F(FaultProxyTest, TruncateTo0BytesClosesAtOnce) {
  Ends ends = Open();
  EXPECT_EQ(proxy_->Truncate(Direction::kBoth, 0), 1);
  EXPECT_TRUE(ends.client.ReceivesEnd());
  EXPECT_TRUE(ends.server.ReceivesEnd());
  EXPECT_EQ(proxy_->counters().truncations, 1u);
  EXPECT_EQ(proxy_->counters().connections_open, 0u);
}

TEST_F(FaultProxyTest, ResetClosesBothSidesOfAllConnectionsByRst) {
  Ends one = Open();
  Ends other = Open();
  EXPECT_EQ(proxy_->Reset(), 2);
  for (Ends* ends : {&one, &other}) {
    EXPECT_TRUE(ends->client.ReceivesReset());
    EXPECT_TRUE(ends->server.ReceivesReset());
  }
  EXPECT_EQ(proxy_->counters().resets, 2u);
  EXPECT_EQ(proxy_->Reset(), 0);
}

TEST_F(FaultProxyTest, ALostReplyIsOneThatTheServerHasSent) {
  proxy_->LoseReplies(1);
  Ends ends = Open();
  // What comes before a reply goes through.
  const std::string settings = Frame(kSettings, "");
  ends.server.Send(settings);
  EXPECT_EQ(ends.client.Receive(settings.size()), settings);
  ends.client.Send("request");
  EXPECT_EQ(ends.server.Receive(7), "request");
  ends.server.Send(settings + Frame(kHeaders, "h") + Frame(kData, "d"));
  // A reset may overtake bytes that were not read yet, but brings none.
  EXPECT_EQ(ends.client.Receive(settings.size()), settings);
  EXPECT_TRUE(ends.client.ReceivesReset());
  EXPECT_TRUE(ends.server.ReceivesReset());
  FaultCounters counters = proxy_->counters();
  EXPECT_EQ(counters.replies_lost, 1u);
  EXPECT_EQ(counters.resets, 1u);
  EXPECT_EQ(counters.bytes_to_client, 2 * settings.size());

  // Just the one.
  Ends retry = Open();
  const std::string reply = Frame(kHeaders, "h") + Frame(kData, "d");
  retry.server.Send(reply);
  EXPECT_EQ(retry.client.Receive(reply.size()), reply);
}

TEST_F(FaultProxyTest, LosesARepliesRestThatBeganBeforeAsWell) {
  Ends ends = Open();
  const std::string headers = Frame(kHeaders, "h");
  ends.server.Send(headers);
  EXPECT_EQ(ends.client.Receive(headers.size()), headers);
  proxy_->LoseReplies(1);
  ends.server.Send(Frame(kData, "d"));
  EXPECT_TRUE(ends.client.ReceivesReset());
  EXPECT_EQ(proxy_->counters().replies_lost, 1u);
}

TEST_F(FaultProxyTest, LoseRepliesOf0EndsIt) {
  Ends ends = Open();
  proxy_->LoseReplies(3);
  proxy_->LoseReplies(0);
  const std::string reply = Frame(kHeaders, "h");
  ends.server.Send(reply);
  EXPECT_EQ(ends.client.Receive(reply.size()), reply);
}

TEST_F(FaultProxyTest, AMirrorSendsAllOfItAndItsAnswersAreDropped) {
  proxy_->Mirror(1, milliseconds(0));
  MirroredEnds ends = OpenMirrored();
  ends.client.Send("first");
  ends.client.Send("second");
  EXPECT_EQ(ends.server.Receive(11), "firstsecond");
  EXPECT_EQ(ends.mirror.Receive(11), "firstsecond");
  ends.mirror.Send("dropped");
  ends.server.Send("answer");
  EXPECT_EQ(ends.client.Receive(6), "answer");
  LetProxyTurn();
  EXPECT_TRUE(ends.client.Silent());
  const FaultCounters counters = proxy_->counters();
  // LetProxyTurn() opened the second connection, which has none.
  EXPECT_EQ(counters.connections, 2u);
  EXPECT_EQ(counters.mirrored, 1u);
  EXPECT_EQ(counters.bytes_mirrored, 11u);
}

TEST_F(FaultProxyTest, AMirrorWithALagComesAfterItsOriginalIsGone) {
  constexpr milliseconds kLag(50);
  proxy_->Mirror(FaultProxy::kNoLimit, kLag);
  MirroredEnds ends = OpenMirrored();
  const auto start = steady_clock::now();
  ends.client.Send("write");
  EXPECT_EQ(ends.server.Receive(5), "write");
  proxy_->Reset();
  EXPECT_TRUE(ends.client.ReceivesReset());
  EXPECT_EQ(ends.mirror.Receive(5), "write");
  EXPECT_GE(steady_clock::now() - start, kLag);
  // It stays until the server has been silent for a while.
  EXPECT_EQ(proxy_->counters().mirrors_open, 1u);
  ends.mirror.Send("answer");
  EXPECT_TRUE(ends.mirror.ReceivesEnd());
  EXPECT_EQ(proxy_->counters().mirrors_open, 0u);
  EXPECT_GE(steady_clock::now() - start, kLag + FaultProxy::kMirrorLinger);
  EXPECT_EQ(proxy_->counters().mirrors_cut, 0u);
}

TEST_F(FaultProxyTest, MirrorOf0ConnectionsEndsIt) {
  proxy_->Mirror(FaultProxy::kNoLimit, milliseconds(0));
  MirroredEnds mirrored = OpenMirrored();
  proxy_->Mirror(0, milliseconds(0));
  Ends plain = Open();
  plain.client.Send("x");
  EXPECT_EQ(plain.server.Receive(1), "x");
  EXPECT_EQ(proxy_->counters().mirrored, 1u);
}

TEST_F(FaultProxyTest, AMirrorThatWouldHoldTooMuchIsCut) {
  proxy_->Mirror(1, std::chrono::hours(1));
  MirroredEnds ends = OpenMirrored();
  const std::string much(FaultProxy::kMirrorBytesMax + 1, 'x');
  std::thread sender([&] { ends.client.Send(much); });
  EXPECT_TRUE(ends.server.Receive(much.size()) == much);
  sender.join();
  EXPECT_TRUE(ends.mirror.ReceivesEnd());
  EXPECT_EQ(proxy_->counters().mirrors_cut, 1u);
  EXPECT_EQ(proxy_->counters().connections_open, 1u);
}

TEST_F(FaultProxyTest, ConnectionsOverTheMostWaitForAPlace) {
  constexpr rlim_t kFilesWanted = 4 * FaultProxy::kConnectionsMax;
  rlimit files;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &files), 0);
  if (files.rlim_max < kFilesWanted) GTEST_SKIP() << "too few files allowed";
  if (files.rlim_cur < kFilesWanted) {
    files.rlim_cur = kFilesWanted;
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &files), 0);
  }
  std::vector<TestSocket> clients;
  for (size_t i = 0; i < FaultProxy::kConnectionsMax; ++i) {
    clients.push_back(Connect());
  }
  WaitUntil([](const auto& counters) {
    return counters.connections_open == FaultProxy::kConnectionsMax;
  });
  TestSocket waiting = Connect();
  proxy_->counters();
  EXPECT_EQ(proxy_->counters().connections, FaultProxy::kConnectionsMax);
  clients.front().Reset();
  WaitUntil([](const auto& counters) {
    return counters.connections == FaultProxy::kConnectionsMax + 1;
  });
}

}  // namespace
}  // namespace latchkey
