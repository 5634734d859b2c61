#include "client/verify/append_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/client/verify/history_builder.h"

namespace latchkey::verify {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kLog[] = "log/0";

class AppendLogTest : public testing::Test {
 protected:
  void Append(int64_t delta, Times times = {0, 10}) {
    history_.Ok(1, times, IncrementOf(kLog, delta), Counted(0, 0));
  }

  void Read(const std::string& value, Times times = {100, 110}) {
    history_.Ok(1, times, GetOf(kLog), Shows(kLog, value, 1));
  }

  std::string Check() {
    Violations violations;
    CheckAppendLogs(history_.history(), "log/", &violations);
    return violations.ToString();
  }

  HistoryBuilder history_;
};

TEST_F(AppendLogTest, ShowsEachAppendOnce) {
  Append(1);
  Append(4);
  Append(int64_t{1} << 60);
  Read(std::to_string((int64_t{1} << 60) + 5));
  EXPECT_THAT(Check(), IsEmpty());
}

TEST_F(AppendLogTest, ALostAppend) {
  Append(1);
  Append(4);
  Read("1");
  EXPECT_THAT(Check(), HasSubstr("lost-append: append 1 of log/0, which is 1"));
}

TEST_F(AppendLogTest, ALogThatIsNotThere) {
  Append(1);
  history_.Ok(1, {100, 110}, BatchGetOf({kLog}, true), ShowAll({Misses()}, 0));
  EXPECT_THAT(Check(), HasSubstr("lost-append: append 0"));
}

TEST_F(AppendLogTest, ADoubledAppend) {
  Append(1);
  Append(4);
  Read("6");
  EXPECT_THAT(Check(), HasSubstr("doubled-append: append 0"));
  EXPECT_THAT(Check(), testing::Not(HasSubstr("append 1")));
}

TEST_F(AppendLogTest, ATripledAppend) {
  Append(4);
  Read("12");
  EXPECT_THAT(Check(), HasSubstr("doubled-append: append 1"));
}

TEST_F(AppendLogTest, AnAppendThatWasDenied) {
  history_.Refused(1, {0, 10}, IncrementOf(kLog, 1), Overloaded());
  Append(4);
  Read("4");
  EXPECT_THAT(Check(), IsEmpty());
  Read("5", {120, 130});
  EXPECT_THAT(Check(), HasSubstr("ghost-append: append 0"));
}

TEST_F(AppendLogTest, AnAppendThatNobodySent) {
  Append(1);
  Read("17");
  EXPECT_THAT(Check(), HasSubstr("ghost-append: append 2"));
  EXPECT_THAT(Check(), HasSubstr("nobody sent it"));
}

TEST_F(AppendLogTest, AnOpenOutcomeMayBeEither) {
  history_.Unknown(1, {0, 10}, IncrementOf(kLog, 1));
  Read("1");
  EXPECT_THAT(Check(), IsEmpty());
  Read("0", {120, 130});
  EXPECT_THAT(Check(), IsEmpty());
  Read("2", {140, 150});
  EXPECT_THAT(Check(), HasSubstr("doubled-append"));
}

TEST_F(AppendLogTest, OnlyAReadBehindAllAppendsCounts) {
  Append(1);
  Read("0", {5, 20});
  EXPECT_THAT(Check(), HasSubstr("log-unread: log/0"));
  Read("1");
  EXPECT_THAT(Check(), IsEmpty());
}

TEST_F(AppendLogTest, CountsWhatATransactionsBranchAppended) {
  v1::TransactRequest request;
  *request.add_on_success()->mutable_increment() = IncrementOf(kLog, 1);
  *request.add_on_success()->mutable_increment() = IncrementOf(kLog, 4);
  *request.add_on_failure()->mutable_increment() = IncrementOf(kLog, 1);
  v1::TransactResponse failed;
  failed.set_version(101);
  history_.Ok(1, {0, 10}, request, failed);
  Read("1");
  EXPECT_THAT(Check(), IsEmpty());
  Read("5", {120, 130});
  EXPECT_THAT(Check(), HasSubstr("ghost-append: append 1"));
}

TEST_F(AppendLogTest, CopiesAppendOnce) {
  history_.Ok(1, {0, 10}, IncrementOf(kLog, 1), Counted(1, 101), "key");
  history_.Ok(1, {20, 30}, IncrementOf(kLog, 1), Counted(1, 101), "key", true);
  Read("1");
  EXPECT_THAT(Check(), IsEmpty());
}

TEST_F(AppendLogTest, OtherCountersAreNoLogs) {
  history_.Ok(1, {0, 10}, IncrementOf("n", 1), Counted(1, 101));
  EXPECT_THAT(Check(), IsEmpty());
}

TEST(AppendLogNamesTest, FillsOneLogAfterTheOther) {
  AppendLogNames names("log/");
  int64_t sum = 0;
  for (int i = 0; i < kAppendsPerLog; ++i) {
    const LogAppend append = names.Next();
    EXPECT_EQ(append.key, "log/0");
    sum += append.delta;
  }
  // All digits 3 times over are a 64-bit number still.
  EXPECT_LE(sum, INT64_MAX / 3);
  EXPECT_EQ(names.Next().key, "log/1");
  EXPECT_EQ(names.Next().delta, 4);
  EXPECT_THAT(names.TakeUsed(), ElementsAre("log/0", "log/1"));
  EXPECT_EQ(names.Next().key, "log/2");
}

}  // namespace
}  // namespace latchkey::verify
