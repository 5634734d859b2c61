#include "server/store/store_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/server/store/store_fixture.h"

namespace latchkey {
namespace {

using testing::HasSubstr;

class StoreMetricsTest : public StoreTest {
 protected:
  std::string Text() {
    MetricsText text;
    CollectStoreMetrics(store(), text);
    return text.text();
  }
};

TEST_F(StoreMetricsTest, CountsWhatReadsFound) {
  Put("a", "1");
  Put("b", "2", Ttl(10_ms));
  ExpectValue("a", "1");
  ExpectMissing("c");
  const std::array<std::string_view, 4> keys = {"a", "b", "c", "a"};
  ASSERT_TRUE(store().BatchGet(keys, token()).ok());
  ASSERT_TRUE(store().BatchGetAtomic(keys, token()).ok());
  EXPECT_EQ(store().Counters().hits, 7u);
  EXPECT_EQ(store().Counters().misses, 3u);
  // One that has expired is not found, swept or not.
  Advance(10_ms);
  ExpectMissing("b");
  EXPECT_EQ(store().Counters().misses, 4u);
  EXPECT_THAT(Text(), HasSubstr("\nlatchkey_keyspace_hits_total 7\n"));
  EXPECT_THAT(Text(), HasSubstr("\nlatchkey_keyspace_misses_total 4\n"));
}

TEST_F(StoreMetricsTest, CountsEntriesAndThoseThatExpired) {
  Put("a", "1");
  Put("b", "2", Ttl(10_ms));
  Put("c", "3", Ttl(10_ms));
  Put("d", "4", Ttl(20_ms));
  EXPECT_THAT(Text(), HasSubstr("\nlatchkey_db_keys 4\n"));
  EXPECT_THAT(Text(), HasSubstr("\nlatchkey_db_keys_expiring 3\n"));
  Advance(10_ms);
  // A write removes it first, and then it is no expired one.
  Put("c", "5");
  store().SweepExpired(100);
  EXPECT_THAT(Text(), HasSubstr("\nlatchkey_db_keys 3\n"));
  EXPECT_THAT(Text(), HasSubstr("\nlatchkey_db_keys_expiring 1\n"));
  EXPECT_THAT(Text(), HasSubstr("\nlatchkey_expired_keys_total 1\n"));
}

TEST_F(StoreMetricsTest, TellsTheVersionOfTheLastCommitExactly) {
  Put("a", "1");
  EXPECT_THAT(Text(), HasSubstr("\nlatchkey_commit_version " +
                                std::to_string(store().last_version()) + "\n"));
}

TEST_F(StoreMetricsTest, TellsTheLedger) {
  const Operation put = PutOperation{.key = "a", .value = "1"};
  const Transaction transaction = {.on_success = {&put, 1}};
  IdempotentWrite keyed = {.scope = {.key = "key"},
                           .fingerprint = store().FingerprintOf("request")};
  store().WriteOnce(transaction, keyed, token());
  store().WriteOnce(transaction, keyed, token());
  store().WriteOnce(transaction, keyed, token());
  keyed.fingerprint = store().FingerprintOf("another");
  store().WriteOnce(transaction, keyed, token());
  const std::string text = Text();
  EXPECT_THAT(text, HasSubstr("\nlatchkey_idempotency_records 1\n"));
  EXPECT_THAT(
      text, HasSubstr("\nlatchkey_idempotency_bytes " +
                      std::to_string(store().ledger_budget().bytes()) + "\n"));
  EXPECT_THAT(text, HasSubstr("\nlatchkey_idempotency_replays_total 2\n"));
  EXPECT_THAT(text, HasSubstr("\nlatchkey_idempotency_mismatches_total 1\n"));
  EXPECT_THAT(text, HasSubstr("\nlatchkey_idempotency_refusals_total 0\n"));
}

TEST_F(StoreMetricsTest, NoOneWaitsForALockThatIsFree) {
  Put("a", "1");
  ExpectValue("a", "1");
  EXPECT_EQ(store().Counters().lock_waits, 0u);
  EXPECT_EQ(store().Counters().lock_wait_sum, 0);
}

// That one thread comes while another holds the lock is up to the system, so
// this goes on until it has happened.
TEST_F(StoreMetricsTest, CountsWhoHasToWaitAndHowLong) {
  constexpr std::chrono::seconds kPatience(60);
  const auto end = std::chrono::steady_clock::now() + kPatience;
  std::atomic<bool> done = false;
  std::vector<std::jthread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([this, &done] {
      while (!done.load()) {
        EXPECT_TRUE(store().Get({.key = "a"}, token()).ok());
      }
    });
  }
  while (store().Counters().lock_waits == 0 &&
         std::chrono::steady_clock::now() < end) {
    std::this_thread::yield();
  }
  done.store(true);
  readers.clear();
  EXPECT_GT(store().Counters().lock_waits, 0u);
  EXPECT_GT(store().Counters().lock_wait_sum, 0);
}

}  // namespace
}  // namespace latchkey
