// LeaseTest is a StoreTest that asks for leases, fills and waits.
//
// Thread safety: as StoreTest.

#ifndef LATCHKEY_TESTS_SERVER_STORE_LEASE_FIXTURE_H_
#define LATCHKEY_TESTS_SERVER_STORE_LEASE_FIXTURE_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "tests/server/store/store_fixture.h"

namespace latchkey {

// A waiter that keeps what it is told.
class TestWaiter final : public LeaseWaiter {
 public:
  TestWaiter(Store& store, std::string_view key)
      : LeaseWaiter(store.memory(), store.ShardOf(key)) {}

  void Wake(LeaseNews news) override {
    ++wakes;
    told = std::move(news);
  }

  // "waits", "granted", "dropped", or the value.
  std::string State() const {
    if (wakes == 0) return "waits";
    if (wakes > 1) return "woken twice";
    if (told.granted != kNoLease) return "granted";
    if (!told.filled.entry) return "dropped";
    return std::string(told.filled.entry->value());
  }

  int wakes = 0;
  LeaseNews told;
};

class LeaseTest : public StoreTest {
 protected:
  explicit LeaseTest(const StoreOptions& options = {}) : StoreTest(options) {}

  LeasedGet Ask(std::string_view key, Nanos ttl = 100_ms,
                Nanos refresh_below = 0) {
    return store()
        .GetOrLease({.key = key}, {.ttl = ttl, .refresh_below = refresh_below},
                    nullptr, token())
        .value();
  }

  // Asks for a lease that must be granted.
  LeaseId Lease(std::string_view key, Nanos ttl = 100_ms) {
    const LeaseId id = Ask(key, ttl).granted;
    EXPECT_NE(id, kNoLease);
    return id;
  }

  // Waits for a lease that another must hold.
  std::unique_ptr<TestWaiter> Wait(std::string_view key, Nanos ttl = 100_ms) {
    auto waiter = std::make_unique<TestWaiter>(store(), key);
    const auto answer = store().GetOrLease(
        {.key = key}, {.ttl = ttl, .wait = true}, waiter.get(), token());
    EXPECT_TRUE(answer.ok() && answer->waits);
    return waiter;
  }

  WriteResult Fill(std::string_view key, LeaseId lease,
                   std::string_view value = "filled") {
    return Do(PutOperation{.key = key, .value = value, .lease = lease});
  }

  void ExpectLost(std::string_view key, LeaseId lease) {
    ExpectError(Fill(key, lease), absl::StatusCode::kAborted,
                ErrorReason::kLeaseLost);
  }

  LeaseCounters Counted() { return store().Counters().leases; }
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SERVER_STORE_LEASE_FIXTURE_H_
