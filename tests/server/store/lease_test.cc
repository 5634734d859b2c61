// Leases of the store: who may fill a key, who waits for it, and what ends
// both.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/server/store/lease_fixture.h"

namespace latchkey {
namespace {

TEST_F(LeaseTest, OneCallerIsGrantedTheLeaseAndFills) {
  const LeaseId lease = Lease("k");
  EXPECT_TRUE(Ask("k").held_by_other);
  EXPECT_TRUE(Fill("k", lease).ok());
  const LeasedGet hit = Ask("k");
  EXPECT_EQ(hit.result.found.entry->value(), "filled");
  EXPECT_EQ(hit.granted, kNoLease);
  ExpectLost("k", lease);
}

TEST_F(LeaseTest, AFillWakesAllThatWait) {
  const LeaseId lease = Lease("k");
  const auto one = Wait("k");
  const auto two = Wait("k");
  EXPECT_EQ(Counted().waiting, 2u);
  ASSERT_TRUE(Fill("k", lease, "v").ok());
  EXPECT_EQ(one->State(), "v");
  EXPECT_EQ(two->State(), "v");
  EXPECT_EQ(Counted().waiting, 0u);
  EXPECT_EQ(Counted().waits_filled, 2u);
}

TEST_F(LeaseTest, AnEndedLeaseGoesToTheFirstThatWaits) {
  const LeaseId lease = Lease("k", 100_ms);
  const auto one = Wait("k", 50_ms);
  const auto two = Wait("k", 50_ms);
  Advance(99_ms);
  EXPECT_EQ(store().SweepLeases(10), 0u);
  EXPECT_EQ(one->State(), "waits");
  Advance(1_ms);
  ExpectLost("k", lease);
  EXPECT_EQ(store().SweepLeases(10), 1u);
  EXPECT_EQ(one->State(), "granted");
  EXPECT_EQ(two->State(), "waits");
  Advance(50_ms);
  EXPECT_EQ(store().SweepLeases(10), 1u);
  EXPECT_EQ(two->State(), "granted");
  ExpectLost("k", one->told.granted);
  EXPECT_TRUE(Fill("k", two->told.granted).ok());
}

TEST_F(LeaseTest, NobodyPassesWhoWaitsBeforeTheSweep) {
  Lease("k", 100_ms);
  const auto waits = Wait("k");
  Advance(100_ms);
  EXPECT_TRUE(Ask("k").held_by_other);
  EXPECT_EQ(waits->State(), "granted");
}

TEST_F(LeaseTest, AWaitThatWasCancelledIsNotTold) {
  const LeaseId lease = Lease("k");
  const auto one = Wait("k");
  const auto two = Wait("k");
  const auto three = Wait("k");
  EXPECT_TRUE(store().CancelWait(*two));
  EXPECT_FALSE(store().CancelWait(*two));
  ASSERT_TRUE(Fill("k", lease, "v").ok());
  EXPECT_EQ(one->State(), "v");
  EXPECT_EQ(two->State(), "waits");
  EXPECT_EQ(three->State(), "v");
  EXPECT_FALSE(store().CancelWait(*one));
  EXPECT_EQ(Counted().waits_ended, 1u);
}

TEST_F(LeaseTest, ATokenThatEndedDoesNotWait) {
  Lease("k");
  DeadlineSource source(kNever);
  source.End(EndReason::kClientCancelled);
  TestWaiter waiter(store(), "k");
  const auto answer = store().GetOrLease(
      {.key = "k"}, {.ttl = 1_ms, .wait = true}, &waiter, source.token());
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(Counted().waiting, 0u);
}

// What other operations do to a lease, and to who waits for it.
TEST_F(LeaseTest, WhatEndsALease) {
  struct Row {
    const char* what;
    std::vector<Operation> operations;
    // The fill is lost, and what the waiter is then.
    bool lost;
    std::string waiter;
  };
  const Precondition exists = Exists();
  const std::vector<Row> rows = {
      {"put", {PutOperation{.key = "k", .value = "v"}}, true, "v"},
      {"put in vain",
       {PutOperation{.key = "k", .value = "v", .precondition = exists}},
       false,
       "waits"},
      {"delete of a missing key",
       {DeleteOperation{.key = "k"}},
       true,
       "granted"},
      {"delete in vain",
       {DeleteOperation{.key = "k", .precondition = exists}},
       false,
       "waits"},
      {"touch",
       {TouchOperation{.key = "k", .expiration = Ttl(1_ms)}},
       false,
       "waits"},
      {"increment",
       {IncrementOperation{.key = "k", .delta = 1, .initial = 1}},
       true,
       "2"},
      {"move onto it",
       {MoveOperation{.source_key = "source", .destination_key = "k"}},
       true,
       "7"},
      {"transfer to it",
       {TransferOperation{.source_key = "source",
                          .destination_key = "k",
                          .amount = 3,
                          .create_destination = true}},
       true,
       "3"},
      {"put and delete",
       {PutOperation{.key = "k", .value = "v"}, DeleteOperation{.key = "k"}},
       true,
       "granted"},
      {"delete and put",
       {DeleteOperation{.key = "k"}, PutOperation{.key = "k", .value = "v"}},
       true,
       "v"},
      {"a transaction that fails",
       {PutOperation{.key = "k", .value = "v"},
        MoveOperation{.source_key = "none", .destination_key = "other"}},
       false,
       "waits"},
      {"a write of another key",
       {PutOperation{.key = "other"}},
       false,
       "waits"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    Delete("k");
    Put("source", "7");
    const LeaseId lease = Lease("k");
    const auto waiter = Wait("k");
    static_cast<void>(store().Write(
        {.form = Transaction::Form::kTransact, .on_success = row.operations},
        token()));
    EXPECT_EQ(waiter->State(), row.waiter);
    const WriteResult filled = Fill("k", lease);
    EXPECT_EQ(filled.ok(), !row.lost);
    if (waiter->State() == "granted") {
      EXPECT_TRUE(Fill("k", waiter->told.granted).ok());
    }
  }
}

TEST_F(LeaseTest, AnEntryThatExpiresSoonIsLeasedToOneAndReadByAll) {
  Put("k", "old", Ttl(100_ms));
  EXPECT_EQ(Ask("k", 50_ms, 100_ms).granted, kNoLease);
  Advance(1_ms);
  const LeasedGet first = Ask("k", 500_ms, 100_ms);
  EXPECT_NE(first.granted, kNoLease);
  EXPECT_EQ(first.result.found.entry->value(), "old");
  const LeasedGet second = Ask("k", 500_ms, 100_ms);
  EXPECT_EQ(second.granted, kNoLease);
  EXPECT_FALSE(second.held_by_other);
  EXPECT_EQ(second.result.found.entry->value(), "old");
  // Its expiry does not end the lease.
  Advance(100_ms);
  const auto waiter = Wait("k");
  EXPECT_TRUE(Fill("k", first.granted, "new").ok());
  EXPECT_EQ(waiter->State(), "new");
}

TEST_F(LeaseTest, AKeyWithoutExpiryIsNeverRefreshed) {
  Put("k", "v");
  EXPECT_EQ(Ask("k", 100_ms, kNever).granted, kNoLease);
}

TEST_F(LeaseTest, AFillIsReplayedAndALossToo) {
  const LeaseId lease = Lease("k");
  const auto fill = [&](std::string_view id) {
    const Operation put = PutOperation{.key = "k", .lease = lease};
    return store().WriteOnce({.on_success = {&put, 1}},
                             {.scope = {.principal = {}, .key = id},
                              .fingerprint = store().FingerprintOf(id)},
                             token());
  };
  EXPECT_TRUE(fill("one").outcome.ok());
  const IdempotentAnswer replay = fill("one");
  EXPECT_TRUE(replay.outcome.ok() && replay.replayed);
  ExpectError(fill("two").outcome, absl::StatusCode::kAborted,
              ErrorReason::kLeaseLost);
  const IdempotentAnswer lost = fill("two");
  EXPECT_TRUE(lost.replayed);
  ExpectError(lost.outcome, absl::StatusCode::kAborted,
              ErrorReason::kLeaseLost);
}

TEST_F(LeaseTest, TokensOfOthersAreVoid) {
  const LeaseId lease = Lease("k");
  const std::string good = store().LeaseToken(lease);
  EXPECT_EQ(store().ParseLeaseToken(good), lease);
  std::string other = good;
  ++other[0];
  for (const std::string& bad :
       {other, good + "x", good.substr(1), std::string("t"),
        std::string(16, '\0'), store().LeaseToken(kNoLease)}) {
    EXPECT_EQ(store().ParseLeaseToken(bad), kVoidLease);
  }
  // That of another key.
  ExpectLost("other", lease);
  EXPECT_TRUE(Fill("k", lease).ok());
}

TEST_F(LeaseTest, ADrainEndsAllWaits) {
  const LeaseId lease = Lease("k");
  const auto waiter = Wait("k");
  store().CloseLeases();
  EXPECT_EQ(waiter->State(), "dropped");
  ExpectLost("k", lease);
  Lease("k");
  TestWaiter late(store(), "k");
  ExpectError(store().GetOrLease({.key = "k"}, {.ttl = 1_ms, .wait = true},
                                 &late, token()),
              absl::StatusCode::kUnavailable, ErrorReason::kDraining);
}

TEST_F(LeaseTest, WaitersOfOneKeyAreBounded) {
  const LeaseId lease = Lease("k");
  std::vector<std::unique_ptr<TestWaiter>> waiters;
  for (size_t i = 0; i < LeaseTable::kWaitersPerKeyMax; ++i) {
    waiters.push_back(Wait("k"));
  }
  TestWaiter late(store(), "k");
  ExpectError(store().GetOrLease({.key = "k"}, {.ttl = 1_ms, .wait = true},
                                 &late, token()),
              absl::StatusCode::kUnavailable, ErrorReason::kOverloaded);
  EXPECT_EQ(Counted().refusals, 1u);
  ASSERT_TRUE(Fill("k", lease, "v").ok());
  for (const auto& waiter : waiters) EXPECT_EQ(waiter->State(), "v");
}

TEST_F(LeaseTest, LeasesOfOneShardAreBounded) {
  // Of keys of the same shard as "k".
  int number = 0;
  const auto ask = [&] {
    std::string key = "k";
    do {
      key = absl::StrCat("key", ++number);
    } while (store().ShardOf(key) != store().ShardOf("k"));
    return store().GetOrLease({.key = key}, {.ttl = 1_ms}, nullptr, token());
  };
  for (size_t i = 0; i < LeaseTable::kLeasesMax; ++i) {
    ASSERT_NE(ask()->granted, kNoLease);
  }
  ExpectError(ask(), absl::StatusCode::kUnavailable, ErrorReason::kOverloaded);
  Advance(1_ms);
  while (store().SweepLeases(1'000) == 1'000) {
  }
  EXPECT_EQ(Counted().held, 0u);
  EXPECT_EQ(store().memory().used(), 0u);
}

class LeaseMemoryTest : public LeaseTest {
 protected:
  LeaseMemoryTest()
      : LeaseTest(
            {.memory_bytes_max = 4'000, .eviction = EvictionPolicy::kNone}) {}
};

TEST_F(LeaseMemoryTest, LeasesAndWaitersTakeMemoryAndGiveItBack) {
  std::vector<std::unique_ptr<TestWaiter>> waiters;
  const LeaseId lease = Lease("k");
  absl::Status status;
  for (;;) {
    auto waiter = std::make_unique<TestWaiter>(store(), "k");
    status = store()
                 .GetOrLease({.key = "k"}, {.ttl = 1_ms, .wait = true},
                             waiter.get(), token())
                 .status();
    EXPECT_LE(store().memory().used(), store().memory().bytes_max());
    if (!status.ok()) break;
    waiters.push_back(std::move(waiter));
    ASSERT_LT(waiters.size(), 100u);
  }
  ExpectError(status, absl::StatusCode::kResourceExhausted,
              ErrorReason::kOutOfMemory);
  EXPECT_GT(waiters.size(), 0u);
  EXPECT_EQ(Counted().bytes, store().memory().used());
  for (const auto& waiter : waiters) {
    EXPECT_TRUE(store().CancelWait(*waiter));
  }
  waiters.clear();
  EXPECT_EQ(Counted().bytes, store().memory().used());
  Advance(1'000_ms);
  EXPECT_EQ(store().SweepLeases(10), 1u);
  EXPECT_EQ(store().memory().used(), 0u);
  ExpectLost("k", lease);
}

}  // namespace
}  // namespace latchkey
