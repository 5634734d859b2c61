// What a FaultProxy does at random, and under commands from many threads.

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/fault_proxy.h"
#include "tests/support/fault_proxy_fixture.h"
#include "tests/support/random_faults.h"
#include "tests/support/test_sockets.h"

namespace latchkey {
namespace {

using std::chrono::milliseconds;
using RandomFaultProxyTest = FaultProxyTest;

// Each fault alone, on connections that send until it has struck.
TEST_F(RandomFaultProxyTest, RandomFaultsStrike) {
  struct Row {
    const char* name;
    uint32_t RandomFaults::* field;
    uint64_t FaultCounters::* counter;
  };
  for (const Row& row :
       {Row{"reset", &RandomFaults::reset, &FaultCounters::resets},
        Row{"lose_reply", &RandomFaults::lose_reply,
            &FaultCounters::replies_lost},
        Row{"truncate", &RandomFaults::truncate, &FaultCounters::truncations},
        Row{"delay", &RandomFaults::delay, &FaultCounters::delays},
        Row{"drop", &RandomFaults::drop, &FaultCounters::drops}}) {
    SCOPED_TRACE(row.name);
    RandomFaults faults;
    faults.bytes_between_max = 100;
    faults.*row.field = 1;
    ASSERT_TRUE(proxy_->SetRandomFaults(faults).ok());
    const uint64_t before = proxy_->counters().*row.counter;
    TestSocket client = Connect();
    TestSocket server = listener_.Accept();
    const std::string reply = Frame(kHeaders, "h");
    WaitUntil([&](const FaultCounters& counters) {
      // Either may find the connection gone by now.
      send(client.fd(), "request", 7, MSG_NOSIGNAL | MSG_DONTWAIT);
      send(server.fd(), reply.data(), reply.size(),
           MSG_NOSIGNAL | MSG_DONTWAIT);
      return counters.*row.counter > before;
    });
  }
}

TEST_F(RandomFaultProxyTest, RandomDropEndsWithAReset) {
  RandomFaults faults;
  faults.bytes_between_max = 1;
  faults.drop = 1;
  faults.drop_max = milliseconds(1);
  ASSERT_TRUE(proxy_->SetRandomFaults(faults).ok());
  Ends ends = Open();
  ends.client.Send("x");
  EXPECT_TRUE(ends.client.ReceivesReset());
  EXPECT_EQ(proxy_->counters().resets, 1u);
}

TEST_F(RandomFaultProxyTest, RandomMirrorsAllAt100Percent) {
  RandomFaults faults;
  faults.mirror_percent = 100;
  ASSERT_TRUE(proxy_->SetRandomFaults(faults).ok());
  MirroredEnds ends = OpenMirrored();
  ends.client.Send("x");
  EXPECT_EQ(ends.mirror.Receive(1), "x");
}

TEST_F(RandomFaultProxyTest, RandomFaultsStrikeConnectionsAtHandAndEnd) {
  Ends ends = Open();
  Ends other = Open();
  RandomFaults faults;
  faults.bytes_between_max = 1;
  faults.reset = 1;
  ASSERT_TRUE(proxy_->SetRandomFaults(faults).ok());
  ends.client.Send("x");
  EXPECT_TRUE(ends.client.ReceivesReset());
  ASSERT_TRUE(proxy_->SetRandomFaults(std::nullopt).ok());
  other.client.Send("x");
  EXPECT_EQ(other.server.Receive(1), "x");
  faults.bytes_between_max = 0;
  EXPECT_EQ(proxy_->SetRandomFaults(faults).code(),
            absl::StatusCode::kInvalidArgument);
}

// Of the thread sanitizer: commands from all sides while bytes flow.
TEST_F(RandomFaultProxyTest, TakesCommandsFromManyThreads) {
  RandomFaults faults;
  faults.bytes_between_max = 200;
  faults.reset = faults.truncate = faults.delay = faults.drop = 1;
  faults.delay_max = faults.drop_max = milliseconds(1);
  faults.mirror_percent = 50;
  ASSERT_TRUE(proxy_->SetRandomFaults(faults).ok());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this] {
      for (int i = 0; i < 50; ++i) {
        TestSocket client = Connect();
        for (int j = 0; j < 20; ++j) {
          send(client.fd(), "request", 7, MSG_NOSIGNAL | MSG_DONTWAIT);
        }
        proxy_->counters();
        if (i % 10 == 0) proxy_->Reset();
        if (i % 10 == 3) proxy_->Drop(Direction::kBoth);
        if (i % 10 == 4) proxy_->Resume(Direction::kBoth);
        if (i % 10 == 5) proxy_->Truncate(Direction::kToClient, 0);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(proxy_->counters().resets, 0u);
}

}  // namespace
}  // namespace latchkey
