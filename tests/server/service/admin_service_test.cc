#include "server/service/admin_service.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "latchkey/v1/admin.pb.h"
#include "server/rpc/method_table.h"
#include "server/runtime/deadline.h"
#include "server/store/store.h"
#include "tests/server/service/service_fixture.h"
#include "tests/support/fake_call.h"
#include "tests/support/fake_clock.h"
#include "tests/support/seeded_random.h"

namespace latchkey {
namespace {

constexpr char kGetStats[] = "/latchkey.v1.Admin/GetStats";

std::unique_ptr<FakeCall> Ask(const Store& store, const ServerFacts& facts,
                              const Clock& clock, std::string_view bytes,
                              UnixNanos deadline = kNever) {
  AdminService admin(store, nullptr, [&] { return facts; });
  MethodTable methods;
  admin.Register(methods);
  auto call = std::make_unique<FakeCall>(clock, deadline);
  DispatchUnary(*methods.Find(kGetStats), *call, bytes, clock.Now());
  return call;
}

class AdminServiceTest : public ServiceTest {
 protected:
  v1::GetStatsResponse Stats(const ServerFacts& facts = {}) {
    const auto call = Ask(store(), facts, clock(), "");
    EXPECT_TRUE(call->ok());
    return call->reply<v1::GetStatsResponse>();
  }

  void Put(const std::string& fields) { Must<v1::PutResponse>("Put", fields); }
};

TEST_F(AdminServiceTest, TellsWhichServerThisIs) {
  const v1::ServerStats stats =
      Stats({.version = "1.2.3",
             .transport = "native",
             .started = kStartSeconds * kNanosPerSecond + 5,
             .now = (kStartSeconds + 90) * kNanosPerSecond,
             .live_calls = 3,
             .connections = 2,
             .resident_bytes = 4096})
          .server();
  EXPECT_EQ(stats.version(), "1.2.3");
  EXPECT_EQ(stats.transport(), "native");
  EXPECT_EQ(stats.start_time().seconds(), kStartSeconds);
  EXPECT_EQ(stats.start_time().nanos(), 5);
  EXPECT_EQ(stats.uptime().seconds(), 89);
  EXPECT_EQ(stats.uptime().nanos(), 999'999'995);
  EXPECT_EQ(stats.live_calls(), 3u);
  EXPECT_EQ(stats.connections(), 2u);
  EXPECT_EQ(stats.resident_bytes(), 4096u);
  EXPECT_EQ(stats.incarnation() + "-" + std::to_string(kStartSeconds),
            store().CurrentStamp().ToText());
}

TEST_F(AdminServiceTest, LeavesOutWhatTheTransportDoesNotKnow) {
  EXPECT_FALSE(Stats({.connections = {}}).server().has_connections());
  EXPECT_TRUE(Stats({.connections = 0}).server().has_connections());
}

TEST_F(AdminServiceTest, CountsKeysAndWhatReadsFound) {
  Put("key: 'a' value: '1'");
  Put("key: 'b' value: '1' expiration { ttl { seconds: 1 } }");
  Put("key: 'c' value: '1' expiration { ttl { seconds: 9 } }");
  for (int i = 0; i < 3; ++i) Must<v1::GetResponse>("Get", "key: 'a'");
  Must<v1::BatchGetResponse>("BatchGet", "keys: ['b', 'x', 'y']");
  clock().Advance(kNanosPerSecond);
  EXPECT_EQ(store().SweepExpired(100), 1u);
  const v1::KeyStats stats = Stats().keys();
  EXPECT_EQ(stats.entries(), 2u);
  EXPECT_EQ(stats.entries_expiring(), 1u);
  EXPECT_EQ(stats.hits(), 4u);
  EXPECT_EQ(stats.misses(), 2u);
  EXPECT_EQ(stats.expirations(), 1u);
  EXPECT_EQ(stats.evictions(), 0u);
  EXPECT_EQ(stats.commit_version(), store().last_version());
}

TEST_F(AdminServiceTest, CountsLeasesAndWhoWaitsForThem) {
  const std::string get = "key: 'a' lease { ttl { seconds: 9 } ";
  const auto granted = Must<v1::GetResponse>("Get", get + "}");
  Must<v1::GetResponse>("Get", "key: 'b' lease { ttl { seconds: 9 } }");
  Must<v1::GetResponse>("Get", get + "}");  // Held by another.
  const std::string waiting = RequestBytes("Get", get + "wait: true }");
  const auto first = Begin("Get", waiting);
  const auto second = Begin("Get", waiting);
  const auto third = Begin("Get", waiting);
  const auto before = Stats();
  EXPECT_EQ(before.keys().lease_grants(), 2u);
  EXPECT_EQ(before.keys().lease_waits(), 3u);
  EXPECT_GT(before.memory().lease_bytes(), 0u);
  EXPECT_EQ(before.memory().held_bytes(), 0u);
  EXPECT_EQ(before.memory().used_bytes(), store().memory().used());
  v1::PutRequest fill;
  fill.set_key("a");
  fill.set_lease_token(granted.lease().token());
  EXPECT_TRUE(Call("Put", fill.SerializeAsString())->ok());
  EXPECT_TRUE(third->is_finished());
  const auto after = Stats();
  EXPECT_EQ(after.keys().lease_grants(), 2u);
  EXPECT_EQ(after.keys().lease_waits(), 3u);
  EXPECT_LT(after.memory().lease_bytes(), before.memory().lease_bytes());
}

TEST_F(AdminServiceTest, CountsWhatBecameOfKeyedWrites) {
  const std::string put = "key: 'a' value: '1' idempotency_key: 'once'";
  for (int i = 0; i < 4; ++i) Put(put);
  Error("Put", "key: 'a' value: '2' idempotency_key: 'once'");
  const v1::IdempotencyStats stats = Stats().idempotency();
  EXPECT_EQ(stats.records(), 1u);
  EXPECT_EQ(stats.replays(), 3u);
  EXPECT_EQ(stats.mismatches(), 1u);
  EXPECT_EQ(stats.refusals(), 0u);
  EXPECT_EQ(stats.record_bytes(), store().ledger_budget().bytes());
  EXPECT_EQ(stats.max_record_bytes(), StoreOptions{}.idempotency_bytes_max);
}

TEST_F(AdminServiceTest, SaysWhatMemoryIsUsedFor) {
  const auto empty = Stats().memory();
  EXPECT_EQ(empty.entry_bytes(), 0u);
  EXPECT_EQ(empty.used_bytes(), 0u);
  Put("key: 'a' value: '" + std::string(100'000, 'v') + "'");
  Put("key: 'b' value: '' expiration { ttl { seconds: 9 } } "
      "idempotency_key: 'once'");
  const v1::MemoryStats stats = Stats().memory();
  EXPECT_GT(stats.entry_bytes(), 100'000u);
  EXPECT_LT(stats.entry_bytes(), 140'000u);
  EXPECT_GT(stats.table_bytes(), 0u);
  EXPECT_GT(stats.queue_bytes(), 0u);
  EXPECT_GT(stats.expiry_bytes(), 0u);
  EXPECT_EQ(stats.idempotency_bytes(), store().ledger_budget().bytes());
  EXPECT_GT(stats.idempotency_bytes(), 0u);
  EXPECT_EQ(stats.held_bytes(), 0u);
  EXPECT_EQ(stats.used_bytes(), store().memory().used());
  EXPECT_EQ(stats.used_bytes(), stats.entry_bytes() + stats.table_bytes() +
                                    stats.queue_bytes() + stats.expiry_bytes() +
                                    stats.idempotency_bytes());
  EXPECT_EQ(stats.max_bytes(), store().memory().bytes_max());
  EXPECT_EQ(stats.usable_bytes(), store().memory().usable());
}

// An answer on its way holds the entry that it tells of.
TEST_F(AdminServiceTest, CountsWhatIsHeldThoughItWasReplaced) {
  Put("key: 'a' value: '" + std::string(100'000, 'v') + "'");
  const DeadlineSource endless(kNever);
  auto held = store().Get({.key = "a"}, endless.token());
  Put("key: 'a' value: '1'");
  const v1::MemoryStats stats = Stats().memory();
  EXPECT_GT(stats.held_bytes(), 100'000u);
  EXPECT_LT(stats.entry_bytes(), 1'000u);
  EXPECT_EQ(stats.used_bytes(), store().memory().used());
  held = GetResult{};
  EXPECT_EQ(Stats().memory().held_bytes(), 0u);
}

TEST(AdminServiceMemoryTest, CountsEvictionsAndRefusals) {
  constexpr size_t kBytesMax = 1024 * 1024;
  const FakeClock clock(0);
  for (const EvictionPolicy policy :
       {EvictionPolicy::kTinyLfu, EvictionPolicy::kNone}) {
    SeededRandom random(1);
    Store store({.memory_bytes_max = kBytesMax, .eviction = policy}, clock,
                random);
    const DeadlineSource endless(kNever);
    uint64_t refused = 0;
    const uint64_t puts = 4'000;
    for (uint64_t i = 0; i < puts; ++i) {
      const std::string key = std::to_string(i);
      const std::string value(1'000, 'v');
      const Operation put = PutOperation{.key = key, .value = value};
      if (!store.Write({.on_success = {&put, 1}}, endless.token()).ok()) {
        ++refused;
      }
    }
    const auto call = Ask(store, {}, clock, "");
    const auto stats = call->reply<v1::GetStatsResponse>();
    EXPECT_EQ(stats.memory().refusals(), refused);
    EXPECT_EQ(stats.keys().evictions(),
              puts - refused - stats.keys().entries());
    EXPECT_EQ(stats.memory().max_bytes(), kBytesMax);
    const bool evicts = policy == EvictionPolicy::kTinyLfu;
    EXPECT_EQ(stats.keys().evictions() > 0, evicts);
    EXPECT_EQ(refused > 0, !evicts);
  }
}

TEST_F(AdminServiceTest, RefusesWhatIsNoRequest) {
  const auto call = Ask(store(), {}, clock(), "\xff");
  EXPECT_EQ(call->error().code, absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(call->error().reason, "INVALID_FIELD");
}

TEST_F(AdminServiceTest, AnExpiredCallIsNotAnswered) {
  const auto call = Ask(store(), {}, clock(), "", clock().Now());
  EXPECT_EQ(call->error().reason, "EXPIRED_ON_ARRIVAL");
}

}  // namespace
}  // namespace latchkey
