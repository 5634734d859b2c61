// What is moved between keys by many clients at once is never lost, doubled or
// seen in two places.

#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/integration/server_fixture.h"

namespace latchkey {
namespace {

constexpr int kAccounts = 8;
constexpr int64_t kStart = 100;
constexpr int kMovers = 4;
constexpr int kMovesPerMover = 300;

class MoversTest : public ServerFixture {
 protected:
  // Runs `move` in kMovers threads, each with a seed of its own, and `audit` in
  // this one until they are done.
  void Race(const std::function<void(std::mt19937&)>& move,
            const std::function<void()>& audit) {
    std::atomic<int> running = kMovers;
    std::vector<std::thread> movers;
    for (int i = 0; i < kMovers; ++i) {
      movers.emplace_back([&, i] {
        std::mt19937 random(static_cast<unsigned>(i));
        for (int j = 0; j < kMovesPerMover; ++j) move(random);
        --running;
      });
    }
    do {
      audit();
    } while (running > 0);
    for (std::thread& mover : movers) mover.join();
    audit();
  }

  static std::string Key(unsigned number) {
    return "'account-" + std::to_string(number % kAccounts) + "'";
  }

  v1::BatchGetResponse ReadAll() {
    std::string request = "atomic: true";
    for (unsigned i = 0; i < kAccounts; ++i) request += " keys: " + Key(i);
    return MustCall(&Stub::BatchGet, request);
  }
};

TEST_P(MoversTest, TransfersKeepTheTotal) {
  for (unsigned i = 0; i < kAccounts; ++i) {
    MustCall(&Stub::Put,
             "key: " + Key(i) + " value: '" + std::to_string(kStart) + "'");
  }
  std::atomic<int> moved = 0;
  Race(
      [&](std::mt19937& random) {
        const unsigned from = random();
        const unsigned to = from + 1 + random() % (kAccounts - 1);
        const grpc::Status status =
            Call(&Stub::Transfer,
                 "source_key: " + Key(from) + " destination_key: " + Key(to) +
                     " amount: " + std::to_string(1 + random() % 50));
        // An account may be short of the amount.
        if (status.ok()) {
          ++moved;
        } else {
          EXPECT_EQ(status.error_code(), grpc::StatusCode::OUT_OF_RANGE);
        }
      },
      [&] {
        int64_t total = 0;
        const v1::BatchGetResponse all = ReadAll();
        for (const v1::GetResponse& account : all.results()) {
          total += std::stoll(account.entry().value());
        }
        ASSERT_EQ(total, kAccounts * kStart);
      });
  EXPECT_GT(moved, 0);
}

TEST_P(MoversTest, MovesKeepTheNumberOfEntries) {
  constexpr int kEntries = kAccounts / 2;
  for (unsigned i = 0; i < kEntries; ++i) {
    MustCall(&Stub::Put, "key: " + Key(i) + " value: 'v'");
  }
  std::atomic<int> moved = 0;
  Race(
      [&](std::mt19937& random) {
        const unsigned from = random();
        const unsigned to = from + 1 + random() % (kAccounts - 1);
        const grpc::Status status =
            Call(&Stub::Move,
                 "source_key: " + Key(from) + " destination_key: " + Key(to));
        if (status.ok()) {
          ++moved;
        } else {
          EXPECT_TRUE(status.error_code() == grpc::StatusCode::NOT_FOUND ||
                      status.error_code() == grpc::StatusCode::ALREADY_EXISTS)
              << status.error_message();
        }
      },
      [&] {
        int entries = 0;
        const v1::BatchGetResponse all = ReadAll();
        for (const v1::GetResponse& account : all.results()) {
          entries += account.has_entry() ? 1 : 0;
        }
        ASSERT_EQ(entries, kEntries);
      });
  EXPECT_GT(moved, 0);
}

LATCHKEY_OVER_EACH_TRANSPORT(MoversTest);

}  // namespace
}  // namespace latchkey
