#include "client/lib/retry_schedule.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "tests/client/lib/fakes.h"

namespace latchkey::client {
namespace {

using grpc::StatusCode;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using Action = RetrySchedule::Action;

// Runs a schedule in virtual time, told in words.  Events: "timer" moves to the
// wake and tells it, "early" tells it without moving, a code is an answer, with
// ":N" a pushback.  Each step is written as what it asks for, and for a wait as
// how long from now.
class Session {
 public:
  Session(RetrySchedule::Options options, uint64_t random)
      : random_({random}),
        schedule_(Relative(options), budget_, random_),
        log_(Write(schedule_.Start(now_))) {}

  std::string Run(const std::string& events) {
    std::istringstream words(events);
    for (std::string word; words >> word;) log_ += ", " + Write(Tell(word));
    return log_;
  }

  RetryBudget& budget() { return budget_; }
  RetrySchedule& schedule() { return schedule_; }

 private:
  static RetrySchedule::Options Relative(RetrySchedule::Options options) {
    options.deadline = TimePoint() + milliseconds(1000);
    return options;
  }

  RetrySchedule::Step Tell(const std::string& word) {
    if (word == "timer") {
      now_ = wake_.value();
      return schedule_.OnTimer(now_);
    }
    if (word == "early") return schedule_.OnTimer(now_);
    RetrySchedule::Answer answer;
    const size_t colon = word.find(':');
    if (colon != std::string::npos) {
      answer.pushback_ms = std::stoll(word.substr(colon + 1));
    }
    const std::string name = word.substr(0, colon);
    answer.code = name == "OK"            ? StatusCode::OK
                  : name == "UNAVAILABLE" ? StatusCode::UNAVAILABLE
                  : name == "EXHAUSTED"   ? StatusCode::RESOURCE_EXHAUSTED
                  : name == "DEADLINE"    ? StatusCode::DEADLINE_EXCEEDED
                  : name == "ABORTED"     ? StatusCode::ABORTED
                                          : StatusCode::UNKNOWN;
    return schedule_.OnAnswer(now_, answer);
  }

  std::string Write(const RetrySchedule::Step& step) {
    wake_ = step.wake;
    std::string text = step.action == Action::kSend   ? "send"
                       : step.action == Action::kWait ? "wait"
                                                      : "finish";
    if (step.wake.has_value()) {
      const auto delay =
          std::chrono::duration_cast<microseconds>(*step.wake - now_);
      text += " " + std::to_string(delay.count()) + "us";
    }
    return text;
  }

  RetryBudget budget_;
  ScriptedRandom random_;
  TimePoint now_;
  std::optional<TimePoint> wake_;
  RetrySchedule schedule_;
  std::string log_;
};

struct Case {
  const char* what;
  RetrySchedule::Options options;
  const char* events;
  const char* steps;
};

constexpr uint64_t kHighest = UINT64_MAX;

const Case kCases[] = {
    {"a good answer ends the call", {}, "OK", "send, finish"},
    {"so does a decided error", {}, "ABORTED", "send, finish"},
    {"and one that may be undecided", {}, "DEADLINE", "send, finish"},
    {"no room is not retried", {}, "EXHAUSTED", "send, finish"},
    {"a broken answer is not retried", {}, "UNKNOWN", "send, finish"},
    {"UNAVAILABLE is, five copies in all, the wait doubling",
     {},
     "UNAVAILABLE timer UNAVAILABLE timer UNAVAILABLE timer UNAVAILABLE timer "
     "UNAVAILABLE",
     "send, wait 5000us, send, wait 10000us, send, wait 20000us, send, "
     "wait 40000us, send, finish"},
    {"a retry's good answer ends the call",
     {},
     "UNAVAILABLE timer OK",
     "send, wait 5000us, send, finish"},
    {"a retry's other error ends the call",
     {},
     "UNAVAILABLE timer ABORTED",
     "send, wait 5000us, send, finish"},
    {"without repeats there is one copy",
     {.repeat = false, .hedge_delay = milliseconds(3)},
     "UNAVAILABLE",
     "send, finish"},
    {"an early timer is asked for again",
     {},
     "UNAVAILABLE early timer early OK",
     "send, wait 5000us, wait 5000us, send, wait, finish"},

    {"pushback is waited for instead",
     {},
     "UNAVAILABLE:250 timer UNAVAILABLE timer OK",
     "send, wait 250000us, send, wait 10000us, send, finish"},
    {"pushback of nothing too",
     {},
     "UNAVAILABLE:0 timer OK",
     "send, wait 0us, send, finish"},
    {"negative pushback ends the call", {}, "UNAVAILABLE:-1", "send, finish"},
    {"the most negative pushback too",
     {},
     "UNAVAILABLE:-9223372036854775808",
     "send, finish"},
    {"pushback to the deadline ends the call",
     {},
     "UNAVAILABLE:1000",
     "send, finish"},
    {"pushback out of all bounds ends the call",
     {},
     "UNAVAILABLE:9223372036854775807",
     "send, finish"},

    {"a hedge after its delay, the first good answer wins",
     {.hedge_delay = milliseconds(3)},
     "timer OK",
     "send 3000us, send, finish"},
    {"no hedge when the answer was in time",
     {.hedge_delay = milliseconds(3)},
     "OK",
     "send 3000us, finish"},
    {"a decided error is what the other copy would get too",
     {.hedge_delay = milliseconds(3)},
     "timer ABORTED",
     "send 3000us, send, finish"},
    {"an error of one copy waits for the other",
     {.hedge_delay = milliseconds(3)},
     "timer EXHAUSTED OK",
     "send 3000us, send, wait, finish"},
    {"of two such errors the last one",
     {.hedge_delay = milliseconds(3)},
     "timer DEADLINE EXHAUSTED",
     "send 3000us, send, wait, finish"},
    {"a retry when both copies are gone, and no second hedge",
     {.hedge_delay = milliseconds(3)},
     "timer UNAVAILABLE UNAVAILABLE timer OK",
     "send 3000us, send, wait, wait 5000us, send, finish"},
    {"a retry that is hedged",
     {.hedge_delay = milliseconds(3)},
     "UNAVAILABLE timer timer OK",
     "send 3000us, wait 5000us, send 3000us, send, finish"},
    {"hedges count among the five",
     {.hedge_delay = milliseconds(3)},
     "UNAVAILABLE:0 timer UNAVAILABLE:0 timer UNAVAILABLE:0 timer timer "
     "UNAVAILABLE:0 UNAVAILABLE:0",
     "send 3000us, wait 0us, send 3000us, wait 0us, send 3000us, wait 0us, "
     "send 3000us, send, wait, finish"},
    {"the pushback of one copy holds after the other's end",
     {.hedge_delay = milliseconds(3)},
     "timer UNAVAILABLE:70 UNAVAILABLE timer OK",
     "send 3000us, send, wait, wait 70000us, send, finish"},
    {"so does its refusal",
     {.hedge_delay = milliseconds(3)},
     "timer UNAVAILABLE:-1 UNAVAILABLE",
     "send 3000us, send, wait, finish"},
};

TEST(RetryScheduleTest, FollowsTheTable) {
  for (const Case& row : kCases) {
    SCOPED_TRACE(row.what);
    EXPECT_EQ(Session(row.options, kHighest).Run(row.events), row.steps);
  }
}

TEST(RetryScheduleTest, JitterIsFull) {
  struct {
    uint64_t random;
    const char* steps;
  } const rows[] = {
      {0, "send, wait 0us, send, wait 0us"},
      {uint64_t{1} << 63, "send, wait 2500us, send, wait 5000us"},
      {kHighest, "send, wait 5000us, send, wait 10000us"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(Session({}, row.random).Run("UNAVAILABLE timer UNAVAILABLE"),
              row.steps);
  }
}

TEST(RetryScheduleTest, NothingIsSentBehindTheDeadline) {
  // 999 ms have gone; the next wait would end 5 ms later.
  EXPECT_EQ(Session({}, kHighest).Run("UNAVAILABLE:999 timer UNAVAILABLE"),
            "send, wait 999000us, send, finish");
}

// By itself a call's fifth failure empties the budget; others may refill it.
TEST(RetryScheduleTest, FiveCopiesAreAllEvenOfAFullBudget) {
  Session session({}, kHighest);
  for (int i = 0; i < 4; ++i) {
    session.Run("UNAVAILABLE timer");
    for (int refill = 0; refill < 10; ++refill) session.budget().OnSuccess();
  }
  EXPECT_EQ(session.schedule().attempts(), 5);
  EXPECT_TRUE(session.Run("UNAVAILABLE").ends_with(", finish"));
}

TEST(RetryScheduleTest, AnEmptyBudgetForbidsRetries) {
  Session session({}, 0);
  for (int i = 0; i < 4; ++i) session.budget().OnFailure();
  // This failure is the fifth.
  EXPECT_EQ(session.Run("UNAVAILABLE"), "send, finish");
}

TEST(RetryScheduleTest, AnEmptyBudgetForbidsHedges) {
  Session session({.hedge_delay = milliseconds(3)}, 0);
  for (int i = 0; i < 5; ++i) session.budget().OnFailure();
  EXPECT_EQ(session.Run("timer OK"), "send 3000us, wait, finish");
}

TEST(RetryScheduleTest, OnlyUnavailableCostsAndOnlyOkPays) {
  Session other({}, 0);
  for (int i = 0; i < 4; ++i) other.budget().OnFailure();
  other.Run("ABORTED");
  EXPECT_TRUE(other.budget().AllowsRetry());
  other.budget().OnFailure();
  EXPECT_FALSE(other.budget().AllowsRetry());

  Session good({}, 0);
  for (int i = 0; i < 5; ++i) good.budget().OnFailure();
  good.Run("OK");
  EXPECT_TRUE(good.budget().AllowsRetry());
}

TEST(RetryScheduleTest, StopRepeatingHolds) {
  Session session({.hedge_delay = milliseconds(3)}, 0);
  session.schedule().StopRepeating();
  EXPECT_EQ(session.Run("timer UNAVAILABLE"), "send 3000us, wait, finish");
}

TEST(RetryScheduleTest, CountsItsCopies) {
  Session session({}, 0);
  session.Run("UNAVAILABLE timer UNAVAILABLE timer");
  EXPECT_EQ(session.schedule().attempts(), 3);
  EXPECT_EQ(session.schedule().hedges(), 0);
}

TEST(RetryScheduleTest, CountsItsHedgesApart) {
  Session session({.hedge_delay = milliseconds(3)}, 0);
  session.Run("UNAVAILABLE timer timer");
  EXPECT_EQ(session.schedule().attempts(), 3);
  EXPECT_EQ(session.schedule().hedges(), 1);
}

}  // namespace
}  // namespace latchkey::client
