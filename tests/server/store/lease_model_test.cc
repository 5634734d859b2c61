// Leases at random against a plain model of the rules of lease_table.h.

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/server/store/lease_fixture.h"

namespace latchkey {
namespace {

// A key's lease as the rules of lease_table.h say.
struct ModelLease {
  LeaseId id = kNoLease;
  UnixNanos end = 0;
  std::deque<size_t> queue;
};

TEST_F(LeaseTest, AgreesWithAModelAtRandom) {
  constexpr Nanos kTtl = 10_ms;
  std::mt19937 random(20'260'101);
  const auto below = [&](size_t n) {
    return std::uniform_int_distribution<size_t>(0, n - 1)(random);
  };
  std::map<std::string, ModelLease> leases;
  std::map<std::string, std::string> values;
  std::vector<std::unique_ptr<TestWaiter>> waiters;
  std::vector<std::string> keys_of;
  std::vector<std::string> expected;
  std::map<std::string, std::vector<LeaseId>> ids;
  // The model's rule 2, for a lease that ended without a write.
  const auto pass_on = [&](const std::string& key) {
    ModelLease& lease = leases.at(key);
    if (lease.queue.empty()) {
      leases.erase(key);
      return;
    }
    const size_t next = lease.queue.front();
    lease.queue.pop_front();
    expected[next] = "granted";
    ASSERT_EQ(waiters[next]->State(), "granted");
    lease.id = waiters[next]->told.granted;
    ids[key].push_back(lease.id);
    lease.end = Now() + kTtl;
  };
  const auto settle = [&](const std::string& key) {
    if (leases.contains(key) && Now() >= leases.at(key).end) pass_on(key);
  };
  const auto write = [&](const std::string& key, const std::string& value) {
    values[key] = value;
    if (!leases.contains(key)) return;
    for (const size_t i : leases.at(key).queue) expected[i] = value;
    leases.erase(key);
  };
  for (int step = 0; step < 50'000; ++step) {
    const std::string key(1, static_cast<char>('a' + below(6)));
    SCOPED_TRACE(absl::StrCat("step ", step, " key ", key));
    switch (below(8)) {
      case 0:
      case 1:
      case 2: {
        auto waiter = std::make_unique<TestWaiter>(store(), key);
        const auto answer = store().GetOrLease(
            {.key = key}, {.ttl = kTtl, .wait = true}, waiter.get(), token());
        ASSERT_TRUE(answer.ok());
        if (values.contains(key)) {
          ASSERT_TRUE(answer->result.found.entry);
          ASSERT_EQ(answer->result.found.entry->value(), values.at(key));
          break;
        }
        settle(key);
        ASSERT_EQ(answer->waits, leases.contains(key));
        if (!leases.contains(key)) {
          ASSERT_NE(answer->granted, kNoLease);
          leases[key] = {answer->granted, Now() + kTtl, {}};
          ids[key].push_back(answer->granted);
        } else {
          leases.at(key).queue.push_back(waiters.size());
          waiters.push_back(std::move(waiter));
          keys_of.push_back(key);
          expected.emplace_back("waits");
        }
        break;
      }
      case 3: {
        if (ids[key].empty()) break;
        // Mostly the newest, which may be good.
        const size_t back = below(3) == 0 ? below(ids[key].size()) : 0;
        const LeaseId id = ids[key][ids[key].size() - 1 - back];
        const bool good = leases.contains(key) && leases.at(key).id == id &&
                          Now() < leases.at(key).end;
        const std::string value = absl::StrCat("f", step);
        ASSERT_EQ(Fill(key, id, value).ok(), good);
        if (good) write(key, value);
        break;
      }
      case 4:
        Delete(key);
        values.erase(key);
        if (leases.contains(key)) pass_on(key);
        break;
      case 5:
        if (below(4) != 0) break;
        Put(key, absl::StrCat("p", step));
        write(key, absl::StrCat("p", step));
        break;
      case 6: {
        if (waiters.empty()) break;
        const size_t i =
            waiters.size() - 1 - below(std::min<size_t>(waiters.size(), 20));
        const bool waits = expected[i] == "waits" && waiters[i] != nullptr;
        if (waiters[i] == nullptr) break;
        ASSERT_EQ(store().CancelWait(*waiters[i]), waits);
        if (!waits) break;
        std::erase(leases.at(keys_of[i]).queue, i);
        waiters[i] = nullptr;
        break;
      }
      default:
        Advance(static_cast<Nanos>(below(8)) * kNanosPerMilli);
        while (store().SweepLeases(2) == 2) {
        }
        for (char c = 'a'; c < 'g'; ++c) settle(std::string(1, c));
    }
    // All that is decided is as expected, and what is not is not.
    for (size_t i = waiters.size() - std::min<size_t>(waiters.size(), 64);
         i < waiters.size(); ++i) {
      if (waiters[i] == nullptr) continue;
      ASSERT_EQ(waiters[i]->State(), expected[i]);
    }
  }
  EXPECT_EQ(Counted().held, leases.size());
  EXPECT_GT(Counted().waits_granted, 100u);
  EXPECT_GT(Counted().waits_filled, 100u);
  store().CloseLeases();
}

}  // namespace
}  // namespace latchkey
