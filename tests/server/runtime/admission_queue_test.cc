#include "server/runtime/admission_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/base/error.h"

namespace latchkey {
namespace {

using enum AdmissionQueue::Verdict;
using Fate = AdmissionQueue::Fate;
using Taken = AdmissionQueue::Taken;
using Verdict = AdmissionQueue::Verdict;

constexpr Nanos kMs = kNanosPerMilli;

// Work that waits.
struct Work {
  Work(std::string its_name, UnixNanos deadline)
      : name(std::move(its_name)), source(deadline) {}

  const std::string name;
  DeadlineSource source;
  AdmissionQueue::Item item;
};

// A queue under a time of its own.
class AdmissionQueueTest : public testing::Test {
 protected:
  ~AdmissionQueueTest() override {
    while (queue_ != nullptr && queue_->Take(now_)) {
    }
  }

  void Make(const AdmissionOptions& options) {
    queue_ = std::make_unique<AdmissionQueue>(options);
  }

  // What a piece of work takes from now on.
  void ServiceTakes(Nanos time) {
    for (int i = 0; i < 200; ++i) queue_->CountService(time);
  }

  void Advance(Nanos time) { now_ += time; }

  Verdict Offer(const std::string& name, UnixNanos deadline = kNever,
                bool retry = false) {
    works_.push_back(std::make_unique<Work>(name, deadline));
    Work& work = *works_.back();
    return queue_->Offer(
        work.item,
        {.token = work.source.token(), .arrival = now_, .retry = retry}, now_);
  }
  Verdict OfferRetry(const std::string& name, UnixNanos deadline = kNever) {
    return Offer(name, deadline, true);
  }

  // "a" for work that is to run, "a:ended" and "a:shed" for what is not, "" for
  // nothing.
  std::string Take() {
    const Taken taken = queue_->Take(now_);
    if (!taken) return "";
    const std::string& name = WorkOf(*taken.item).name;
    switch (taken.fate) {
      case Fate::kRun:
        return name;
      case Fate::kEnded:
        return name + ":ended";
      case Fate::kShed:
        return name + ":shed";
    }
    return "?";
  }

  Work& WorkOf(const AdmissionQueue::Item& item) {
    for (const auto& work : works_) {
      if (&work->item == &item) return *work;
    }
    ADD_FAILURE() << "the queue hands out what was never offered";
    return *works_.front();
  }
  Work& Named(const std::string& name) {
    return **std::find_if(works_.begin(), works_.end(),
                          [&](const auto& work) { return work->name == name; });
  }

  // Makes the queue stand until it is overloaded, and empties it.
  void Overload() {
    for (int i = 0; i < 10; ++i) Offer("old", now_ + 40 * kMs);
    Advance(6 * kMs);
    Take();
    Advance(20 * kMs);
    Take();
    ASSERT_TRUE(queue_->overloaded());
    while (Take() != "") {
    }
    ASSERT_TRUE(queue_->overloaded());
  }

  UnixNanos now_ = 1'000 * kMs;
  std::vector<std::unique_ptr<Work>> works_;
  std::unique_ptr<AdmissionQueue> queue_ =
      std::make_unique<AdmissionQueue>(AdmissionOptions{});
};

TEST_F(AdmissionQueueTest, TheOldestGoesFirst) {
  EXPECT_EQ(Offer("a"), kQueued);
  EXPECT_EQ(Offer("b"), kQueued);
  EXPECT_EQ(queue_->size(), 2u);
  EXPECT_EQ(Take(), "a");
  EXPECT_EQ(Take(), "b");
  EXPECT_EQ(Take(), "");
  EXPECT_TRUE(queue_->empty());
}

TEST_F(AdmissionQueueTest, RefusesOnArrival) {
  struct Case {
    const char* what;
    // Of first attempts, and of 1 ms each.
    int waiting;
    Nanos left;
    bool retry;
    Verdict verdict;
  };
  // At most 20 wait.
  const Case cases[] = {
      {"as much time left as it takes", 10, 10 * kMs, false, kQueued},
      {"a moment too little", 10, 10 * kMs - 1, false, kTooLate},
      {"no deadline", 19, kNever - now_, false, kQueued},
      {"no place", 20, kNever - now_, false, kFull},
      {"an empty queue, hardly any time", 0, 1, false, kQueued},
      {"no time", 0, 0, false, kEnded},
      {"time and place are no matter when none is left", 20, 0, false, kEnded},
      {"a retry needs twice the time", 5, 10 * kMs, true, kQueued},
      {"a retry with too little", 5, 10 * kMs - 1, true, kTooLate},
      {"a retry while half the places are left", 9, kNever - now_, true,
       kQueued},
      {"a retry later", 10, kNever - now_, true, kFull},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    Make({.items_max = 20});
    ServiceTakes(kMs);
    for (int i = 0; i < c.waiting; ++i) ASSERT_EQ(Offer("x"), kQueued);
    EXPECT_EQ(Offer("new", now_ + c.left, c.retry), c.verdict);
    while (Take() != "") {
    }
  }
}

TEST_F(AdmissionQueueTest, MoreThreadsAreFaster) {
  Make({.servers = 4});
  ServiceTakes(kMs);
  for (int i = 0; i < 8; ++i) Offer("x");
  EXPECT_EQ(queue_->EstimatedWait(), 2 * kMs);
  EXPECT_EQ(Offer("late", now_ + 2 * kMs - 1), kTooLate);
}

TEST_F(AdmissionQueueTest, WithoutAMeasurementAllIsAdmitted) {
  for (int i = 0; i < 100; ++i) EXPECT_EQ(Offer("x", now_ + 1), kQueued);
}

TEST_F(AdmissionQueueTest, OneOutlierRefusesNobody) {
  ServiceTakes(kMs);
  for (int i = 0; i < 10; ++i) Offer("x");
  queue_->CountService(9 * kMs);
  EXPECT_EQ(queue_->EstimatedWait(), 20 * kMs);
  ServiceTakes(kMs);
  EXPECT_NEAR(static_cast<double>(queue_->EstimatedWait()), 10. * kMs,
              0.01 * kMs);
}

TEST_F(AdmissionQueueTest, WhatEndedWhileItWaitedIsNotRun) {
  Offer("first");
  Offer("expires", now_ + kMs);
  Offer("cancelled");
  Offer("last");
  Named("cancelled").source.End(EndReason::kClientCancelled);
  EXPECT_EQ(Take(), "first");
  Advance(kMs);
  const Taken expired = queue_->Take(now_);
  EXPECT_EQ(&WorkOf(*expired.item), &Named("expires"));
  EXPECT_EQ(expired.fate, Fate::kEnded);
  EXPECT_EQ(expired.end, EndReason::kDeadline);
  const Taken cancelled = queue_->Take(now_);
  EXPECT_EQ(&WorkOf(*cancelled.item), &Named("cancelled"));
  EXPECT_EQ(cancelled.end, EndReason::kClientCancelled);
  EXPECT_EQ(Take(), "last");
}

TEST_F(AdmissionQueueTest, WhatIsTakenOutIsNotHandedOut) {
  for (const char* name : {"a", "b", "c", "d"}) Offer(name);
  queue_->Remove(Named("a").item);
  queue_->Remove(Named("c").item);
  EXPECT_EQ(Take(), "b");
  queue_->Remove(Named("d").item);
  EXPECT_EQ(Take(), "");
}

TEST_F(AdmissionQueueTest, RetriesWaitBehindAllFirstAttempts) {
  OfferRetry("again");
  Offer("a");
  Offer("b");
  EXPECT_EQ(Take(), "a");
  EXPECT_EQ(Take(), "b");
  EXPECT_EQ(Take(), "again");
}

TEST_F(AdmissionQueueTest, RetriesMakeNoFirstAttemptLate) {
  ServiceTakes(kMs);
  for (int i = 0; i < 5; ++i) OfferRetry("again");
  EXPECT_EQ(queue_->EstimatedWait(), 0);
  EXPECT_EQ(Offer("new", now_ + 1), kQueued);
  // But other retries.
  EXPECT_EQ(OfferRetry("more", now_ + 12 * kMs - 1), kTooLate);
}

TEST_F(AdmissionQueueTest, AQueueThatStandsForAnIntervalIsOverloaded) {
  for (int i = 0; i < 10; ++i) Offer("x", now_ + 40 * kMs);
  Advance(5 * kMs + 1);
  Take();
  Advance(20 * kMs - 1);
  Take();
  EXPECT_FALSE(queue_->overloaded());
  Advance(1);
  Take();
  EXPECT_TRUE(queue_->overloaded());
}

TEST_F(AdmissionQueueTest, WhoHasTimeMayWait) {
  for (int i = 0; i < 10; ++i) Offer("x", now_ + 1'000 * kMs);
  for (int i = 0; i < 5; ++i) {
    Advance(25 * kMs);
    Take();
    EXPECT_FALSE(queue_->overloaded());
  }
  Advance(1);
  Take();
  Advance(20 * kMs);
  Take();
  EXPECT_TRUE(queue_->overloaded());
}

TEST_F(AdmissionQueueTest, ABurstIsNoOverload) {
  // It waits long, but the queue empties.
  for (int i = 0; i < 10; ++i) {
    Offer("x");
    Advance(15 * kMs);
    EXPECT_EQ(Take(), "x");
    EXPECT_FALSE(queue_->overloaded());
  }
  // It never empties, but nothing waits long.
  Offer("x");
  for (int i = 0; i < 100; ++i) {
    Offer("x");
    Advance(5 * kMs / 2);
    Take();
  }
  EXPECT_FALSE(queue_->overloaded());
}

TEST_F(AdmissionQueueTest, InOverloadTheNewestGoesFirst) {
  Overload();
  Offer("a");
  Offer("b");
  EXPECT_EQ(Take(), "b");
  Offer("c");
  EXPECT_EQ(Take(), "c");
  EXPECT_EQ(Take(), "a");
}

TEST_F(AdmissionQueueTest, InOverloadNothingWaitsForLong) {
  Overload();
  ServiceTakes(kMs / 4);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(Offer("x"), kQueued);
  EXPECT_EQ(Offer("new"), kOverloaded);
  // Half of that for a retry.
  Take();
  Take();
  EXPECT_EQ(OfferRetry("again"), kOverloaded);
  Take();
  EXPECT_EQ(OfferRetry("again"), kQueued);
  Offer("y");
  Advance(kMs);
  EXPECT_EQ(Take(), "y");
  Advance(1);
  EXPECT_EQ(Take(), "again:shed");
  EXPECT_EQ(Take(), "x:shed");
}

TEST_F(AdmissionQueueTest, OverloadEndsWhenNothingIsRefusedForAnInterval) {
  Overload();
  ServiceTakes(2 * kMs);
  for (int i = 0; i < 10; ++i) {
    Offer("x");
    EXPECT_EQ(Offer("y"), kOverloaded);
    Advance(kMs / 2);
    Take();
    // Though the queue is empty again and again.
    EXPECT_TRUE(queue_->empty());
    Advance(19 * kMs);
  }
  Offer("a");
  EXPECT_TRUE(queue_->overloaded());
  Advance(kMs / 2);
  Offer("b");
  EXPECT_FALSE(queue_->overloaded());
  EXPECT_EQ(Take(), "a");
  EXPECT_EQ(Take(), "b");
}

TEST_F(AdmissionQueueTest, APushbackIsTheTimeToDrain) {
  EXPECT_GE(queue_->NextPushback(), kMs);
  ServiceTakes(kMs);
  for (int i = 0; i < 20; ++i) Offer("x");
  std::set<Nanos> tens;
  for (int i = 0; i < 100; ++i) {
    const Nanos pushback = queue_->NextPushback();
    EXPECT_GE(pushback, 20 * kMs);
    EXPECT_LT(pushback, 40 * kMs);
    tens.insert((pushback - 20 * kMs) / (2 * kMs));
  }
  EXPECT_EQ(tens.size(), 10u) << "they do not come back together";
}

TEST_F(AdmissionQueueTest, InOverloadAPushbackLastsUntilItCanBeOver) {
  Overload();
  EXPECT_GE(queue_->NextPushback(), 20 * kMs);
}

TEST(AdmissionErrorTest, SaysThatItIsShed) {
  const absl::Status error = OverloadedError();
  EXPECT_EQ(error.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(GetErrorDetails(error)->reason, ErrorReason::kOverloaded);
}

}  // namespace
}  // namespace latchkey
