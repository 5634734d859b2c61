#include "client/verify/history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "client/verify/violations.h"

namespace latchkey::verify {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

TEST(HistoryTest, KeepsCopiesOfWhatItIsGiven) {
  History history;
  {
    std::string request(3'000'000, 'r');
    std::string response = "answer";
    std::string key = "key";
    EventError error = {"ABORTED", "PRECONDITION_FAILED", {{"index", "1"}}};
    history.recorder(0).Add({.request = request});
    history.recorder(0).Add({.outcome = EventOutcome::kNotApplied,
                             .idempotency_key = key,
                             .request = response,
                             .response = response,
                             .error = &error});
    request.assign(3'000'000, 'x');
    response = "xxxxxx";
    key = "xxx";
    error = {};
  }
  const auto& events = history.recorder(0).events();
  ASSERT_THAT(events, SizeIs(2));
  EXPECT_EQ(events[0].request, std::string(3'000'000, 'r'));
  EXPECT_EQ(events[1].request, "answer");
  EXPECT_EQ(events[1].response, "answer");
  EXPECT_EQ(events[1].idempotency_key, "key");
  EXPECT_EQ(events[1].error->reason, "PRECONDITION_FAILED");
  EXPECT_EQ(events[1].error->metadata.at("index"), "1");
}

TEST(HistoryTest, ManyBytesGoIntoManyBlocks) {
  History history;
  for (int i = 0; i < 10'000; ++i) {
    history.recorder(0).Add({.request = std::string(500, 'a' + i % 26)});
  }
  const auto& events = history.recorder(0).events();
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_EQ(events[static_cast<size_t>(i)].request,
              std::string(500, 'a' + i % 26));
  }
}

TEST(HistoryTest, SortsByStartAndThenByWhatWasRecordedFirst) {
  History history(2);
  history.recorder(1).Add({.process = 1, .start = 5});
  history.recorder(0).Add({.process = 2, .start = 7});
  history.recorder(0).Add({.process = 3, .start = 5, .end = 5});
  history.recorder(0).Add({.process = 3, .start = 5, .end = 6});
  std::vector<std::pair<uint32_t, int64_t>> order;
  for (const HistoryEvent* event : history.Sorted()) {
    order.emplace_back(event->process, event->end);
  }
  using Pair = std::pair<uint32_t, int64_t>;
  EXPECT_THAT(order,
              ElementsAre(Pair(3, 5), Pair(3, 6), Pair(1, 0), Pair(2, 0)));
}

TEST(HistoryTest, ClearKeepsNothing) {
  History history;
  history.recorder(0).Add({.request = "r"});
  history.Clear();
  EXPECT_EQ(history.size(), 0u);
  history.recorder(0).Add({.request = "s"});
  EXPECT_EQ(history.Sorted().front()->request, "s");
}

TEST(ViolationsTest, KeepsTheFirstOfEachSortAndCountsTheRest) {
  Violations violations;
  for (size_t i = 0; i < kDetailsPerSortMax + 5; ++i) {
    EXPECT_EQ(violations.WantsDetail(sort::kGap), i < kDetailsPerSortMax);
    violations.Add(sort::kGap, std::to_string(i));
  }
  Violations more;
  more.Add(sort::kGap, "more");
  more.Add(sort::kLostAppend, "lost");
  violations.Merge(more);
  EXPECT_EQ(violations.count(), kDetailsPerSortMax + 7);
  EXPECT_EQ(violations.CountOf(sort::kGap), kDetailsPerSortMax + 6);
  EXPECT_THAT(violations.by_sort().at("gap").details,
              SizeIs(kDetailsPerSortMax));
  EXPECT_EQ(violations.by_sort().at("gap").details.front(), "0");
  EXPECT_EQ(more.ToString(), "gap: more\nlost-append: lost\n");
}

}  // namespace
}  // namespace latchkey::verify
