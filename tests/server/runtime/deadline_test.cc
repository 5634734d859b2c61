#include "server/runtime/deadline.h"

#include <gtest/gtest.h>

#include <optional>
#include <thread>
#include <vector>

#include "server/base/error.h"

namespace latchkey {
namespace {

using enum absl::StatusCode;

TEST(DeadlineTest, EndsAtItsDeadlineAndNotBefore) {
  const DeadlineSource source(100);
  EXPECT_EQ(source.token().deadline(), 100);
  EXPECT_EQ(source.token().Check(99), EndReason::kNone);
  EXPECT_EQ(source.token().Check(100), EndReason::kDeadline);
  EXPECT_EQ(source.token().Check(101), EndReason::kDeadline);
}

TEST(DeadlineTest, WithoutADeadlineOnlyEndEndsIt) {
  DeadlineSource source(kNever);
  EXPECT_EQ(source.token().Check(kNever - 1), EndReason::kNone);
  source.End(EndReason::kConnectionLost);
  EXPECT_EQ(source.token().Check(0), EndReason::kConnectionLost);
}

TEST(DeadlineTest, TheFirstEndStays) {
  DeadlineSource source(100);
  source.End(EndReason::kClientCancelled);
  source.End(EndReason::kDraining);
  EXPECT_EQ(source.token().Check(0), EndReason::kClientCancelled);
  // Also when the deadline passes later.
  EXPECT_EQ(source.token().Check(100), EndReason::kClientCancelled);
}

TEST(DeadlineTest, ATokenSeesAnEndThatCameAfterItWasTaken) {
  DeadlineSource source(kNever);
  const DeadlineToken token = source.token();
  EXPECT_EQ(token.Check(0), EndReason::kNone);
  source.End(EndReason::kDraining);
  EXPECT_EQ(token.Check(0), EndReason::kDraining);
}

// The promise of the header: what came before End() is seen after Check().  The
// thread sanitizer is the judge of the plain int.
TEST(DeadlineTest, EndPublishesWhatCameBefore) {
  DeadlineSource source(kNever);
  int written = 0;
  std::thread thread([&] {
    written = 7;
    source.End(EndReason::kClientCancelled);
  });
  while (source.token().Check(0) == EndReason::kNone) {
    std::this_thread::yield();
  }
  EXPECT_EQ(written, 7);
  thread.join();
}

TEST(DeadlineTest, OfManyEndsOneWins) {
  DeadlineSource source(kNever);
  {
    std::vector<std::jthread> threads;
    for (const EndReason reason :
         {EndReason::kClientCancelled, EndReason::kConnectionLost,
          EndReason::kDraining}) {
      threads.emplace_back([&source, reason] {
        source.End(reason);
        // Whoever has ended it sees an end that stays.
        const EndReason seen = source.token().Check(0);
        EXPECT_NE(seen, EndReason::kNone);
        for (int i = 0; i < 1000; ++i) {
          EXPECT_EQ(source.token().Check(0), seen);
        }
      });
    }
  }
}

TEST(DeadlineDeathTest, ADeadlineIsNotForTheTelling) {
  DeadlineSource source(kNever);
  EXPECT_DEATH(source.End(EndReason::kNone), "ends by itself");
  EXPECT_DEATH(source.End(EndReason::kDeadline), "ends by itself");
}

TEST(EndedErrorTest, HasACodeAndReasonForEachEnd) {
  struct Row {
    EndReason end;
    DeadlineStage stage;
    absl::StatusCode code;
    // Nothing: the error has no reason.
    std::optional<ErrorReason> reason;
  };
  using enum EndReason;
  using enum DeadlineStage;
  const Row rows[] = {
      {kDeadline, kArrival, kDeadlineExceeded, ErrorReason::kExpiredOnArrival},
      {kDeadline, kQueue, kDeadlineExceeded, ErrorReason::kExpiredInQueue},
      {kDeadline, kBeforeCommit, kDeadlineExceeded,
       ErrorReason::kExpiredBeforeCommit},
      {kClientCancelled, kArrival, kCancelled, std::nullopt},
      {kClientCancelled, kBeforeCommit, kCancelled, std::nullopt},
      {kConnectionLost, kQueue, kCancelled, std::nullopt},
      {EndReason::kDraining, kArrival, kUnavailable, ErrorReason::kDraining},
      {EndReason::kDraining, kBeforeCommit, kUnavailable,
       ErrorReason::kDraining},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(static_cast<int>(row.end));
    SCOPED_TRACE(static_cast<int>(row.stage));
    const absl::Status error = EndedError(row.end, row.stage);
    EXPECT_EQ(error.code(), row.code);
    const std::optional<ErrorDetails> details = GetErrorDetails(error);
    ASSERT_EQ(details.has_value(), row.reason.has_value());
    if (details.has_value()) {
      EXPECT_EQ(details->reason, *row.reason);
    }
  }
}

TEST(EndedErrorDeathTest, NeedsAnEnd) {
  EXPECT_DEATH(
      EndedError(EndReason::kNone, DeadlineStage::kArrival).IgnoreError(),
      "a request that ended");
}

}  // namespace
}  // namespace latchkey
