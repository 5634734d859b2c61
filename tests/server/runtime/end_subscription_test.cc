// Subscriptions to the end of a source, and sources that end with their parent.

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "server/runtime/deadline.h"

namespace latchkey {
namespace {

TEST(EndSubscriptionTest, IsToldOnceWhenTheSourceEnds) {
  DeadlineSource source(kNever);
  int told = 0;
  const EndSubscription subscription(source.token(), [&] { ++told; });
  EXPECT_EQ(told, 0);
  source.End(EndReason::kClientCancelled);
  EXPECT_EQ(told, 1);
  source.End(EndReason::kDraining);
  EXPECT_EQ(told, 1);
}

TEST(EndSubscriptionTest, IsToldAtOnceWhenItComesLate) {
  DeadlineSource source(kNever);
  source.End(EndReason::kClientCancelled);
  int told = 0;
  {
    const EndSubscription subscription(source.token(), [&] { ++told; });
    EXPECT_EQ(told, 1);
  }
  EXPECT_EQ(told, 1);
}

TEST(EndSubscriptionTest, ItsDeathUnsubscribes) {
  DeadlineSource source(kNever);
  std::vector<int> told;
  std::optional<EndSubscription> subscriptions[3];
  for (int i = 0; i < 3; ++i) {
    subscriptions[i].emplace(source.token(), [&told, i] { told.push_back(i); });
  }
  subscriptions[1].reset();
  source.End(EndReason::kClientCancelled);
  EXPECT_EQ(told, (std::vector<int>{2, 0}));
}

TEST(EndSubscriptionTest, MayBeDestroyedByItsOwnCallback) {
  DeadlineSource source(kNever);
  std::unique_ptr<EndSubscription> subscription;
  auto owned = std::make_shared<int>(7);
  int seen = 0;
  subscription = std::make_unique<EndSubscription>(
      source.token(), [&, owned = std::move(owned)] {
        subscription.reset();
        seen = *owned;
      });
  source.End(EndReason::kClientCancelled);
  EXPECT_EQ(seen, 7);
  EXPECT_EQ(subscription, nullptr);
}

TEST(EndSubscriptionTest, ACallbackMayDestroyAnother) {
  DeadlineSource source(kNever);
  int told = 0;
  std::optional<EndSubscription> older;
  older.emplace(source.token(), [&] { ++told; });
  const EndSubscription newer(source.token(), [&] { older.reset(); });
  source.End(EndReason::kClientCancelled);
  EXPECT_EQ(told, 0);
}

TEST(EndSubscriptionTest, ADeadlineIsToldByWhoeverHasATimer) {
  DeadlineSource source(100);
  int told = 0;
  const EndSubscription subscription(source.token(), [&] { ++told; });
  source.Expire(99);
  EXPECT_EQ(told, 0);
  EXPECT_EQ(source.token().Check(99), EndReason::kNone);
  source.Expire(100);
  EXPECT_EQ(told, 1);
  // It stays, whatever a clock says later.
  EXPECT_EQ(source.token().Check(0), EndReason::kDeadline);
}

// The destructor has returned: the callback does not run.
TEST(EndSubscriptionTest, ItsDeathWaitsForACallbackOnAnotherThread) {
  DeadlineSource source(kNever);
  std::promise<void> running;
  std::promise<void> may_return;
  std::atomic<bool> returned = false;
  std::optional<EndSubscription> subscription;
  subscription.emplace(source.token(), [&] {
    running.set_value();
    may_return.get_future().wait();
    returned = true;
  });
  std::thread ender([&] { source.End(EndReason::kClientCancelled); });
  running.get_future().wait();
  std::thread releaser([&] { may_return.set_value(); });
  subscription.reset();
  EXPECT_TRUE(returned);
  releaser.join();
  ender.join();
}

// Ends, subscriptions and their deaths at once, many times: told exactly once
// where the subscription lives on.  The thread sanitizer judges the rest.
TEST(EndSubscriptionTest, NoneIsForgottenInARace) {
  for (int round = 0; round < 2'000; ++round) {
    DeadlineSource source(kNever);
    std::atomic<int> told = 0;
    std::atomic<int> ready = 0;
    std::thread ender([&] {
      ++ready;
      while (ready < 2) std::this_thread::yield();
      source.End(EndReason::kClientCancelled);
    });
    {
      std::optional<EndSubscription> early;
      early.emplace(source.token(), [] {});
      ++ready;
      while (ready < 2) std::this_thread::yield();
      const EndSubscription lasting(source.token(), [&] { ++told; });
      early.reset();
      ender.join();
      EXPECT_EQ(told, 1);
    }
  }
}

TEST(ChildDeadlineTest, EndsWithItsParentForItsReason) {
  DeadlineSource parent(kNever);
  const ChildDeadline child(parent.token());
  const ChildDeadline grandchild(child.token());
  EXPECT_EQ(grandchild.token().Check(0), EndReason::kNone);
  parent.End(EndReason::kConnectionLost);
  EXPECT_EQ(child.token().Check(0), EndReason::kConnectionLost);
  EXPECT_EQ(grandchild.token().Check(0), EndReason::kConnectionLost);
}

TEST(ChildDeadlineTest, OfAParentThatEndedHasEnded) {
  DeadlineSource parent(kNever);
  parent.End(EndReason::kDraining);
  const ChildDeadline child(parent.token());
  EXPECT_EQ(child.token().Check(0), EndReason::kDraining);
}

TEST(ChildDeadlineTest, MayEndSooner) {
  DeadlineSource parent(100);
  ChildDeadline child(parent.token());
  child.End(EndReason::kClientCancelled);
  EXPECT_EQ(child.token().Check(0), EndReason::kClientCancelled);
  EXPECT_EQ(parent.token().Check(0), EndReason::kNone);
}

TEST(ChildDeadlineTest, HasTheEarlierDeadline) {
  DeadlineSource parent(100);
  EXPECT_EQ(ChildDeadline(parent.token(), 50).token().deadline(), 50);
  EXPECT_EQ(ChildDeadline(parent.token(), 150).token().deadline(), 100);
  EXPECT_EQ(ChildDeadline(parent.token()).token().deadline(), 100);
}

TEST(ChildDeadlineTest, ExpiresWithItsParent) {
  DeadlineSource parent(100);
  const ChildDeadline child(parent.token());
  int told = 0;
  const EndSubscription subscription(child.token(), [&] { ++told; });
  parent.Expire(100);
  EXPECT_EQ(told, 1);
  EXPECT_EQ(child.token().Check(0), EndReason::kDeadline);
}

TEST(DeadlineDeathTest, ASourceOutlivesItsSubscriptions) {
  EXPECT_DEATH(
      {
        auto source = std::make_unique<DeadlineSource>(kNever);
        const EndSubscription subscription(source->token(), [] {});
        source.reset();
      },
      "outlives its subscriptions");
}

// A call that neither waits nor fans out pays for none of this.
static_assert(sizeof(DeadlineSource) <= 24);
static_assert(sizeof(DeadlineToken) == sizeof(void*));

}  // namespace
}  // namespace latchkey
