// Random histories that did happen, one operation after another inside random
// intervals, must pass; the same with one answer changed, or one event left
// out, must not.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "client/verify/verifier.h"
#include "tests/client/verify/history_builder.h"
#include "tests/client/verify/model_server.h"

namespace latchkey::verify {
namespace {

constexpr int kProcesses = 12;

// One event that owns its bytes.
struct Happened {
  HistoryEvent event;
  std::string request;
  std::string response;
  std::string key;
  std::optional<EventError> error;
};

class RandomHistory {
 public:
  explicit RandomHistory(uint64_t seed, Fault fault = Fault::kNone)
      : random_(seed), server_(fault, 7) {}

  // Of so many events.
  std::vector<Happened> Make(size_t count);

 private:
  uint64_t Below(uint64_t limit) { return random_() % limit; }
  std::string Key() { return "k" + std::to_string(Below(6)); }

  template <typename Request>
  Happened Send(const Request& request) {
    Happened happened;
    happened.request = request.SerializeAsString();
    happened.event.method = MethodOf<Request>();
    ModelServer::Answer answer =
        server_.Handle(happened.event.method, happened.request);
    happened.response = std::move(answer.response);
    happened.error = std::move(answer.error);
    if (happened.error) happened.event.outcome = EventOutcome::kNotApplied;
    return happened;
  }
  Happened SendAny();
  v1::PutRequest AnyPut();
  v1::TransactRequest AnyTransact();

  std::mt19937_64 random_;
  ModelServer server_;
  int values_ = 0;
};

v1::PutRequest RandomHistory::AnyPut() {
  // Some are counters.
  v1::PutRequest put = PutOf(Key(), std::to_string(values_++));
  put.set_return_previous(Below(2) == 0);
  put.set_flags(static_cast<uint32_t>(Below(2)));
  if (Below(3) == 0) put.mutable_precondition()->set_exists(Below(2) == 0);
  if (Below(3) == 0) put.mutable_expiration()->set_keep(true);
  if (Below(5) == 0) put.mutable_expiration()->mutable_ttl()->set_seconds(9);
  return put;
}

v1::TransactRequest RandomHistory::AnyTransact() {
  v1::TransactRequest request;
  v1::Compare* const compare = request.add_compares();
  compare->set_key(Key());
  compare->mutable_precondition()->set_exists(Below(2) == 0);
  *request.add_on_success()->mutable_get() = GetOf(Key());
  if (Below(3) != 0) *request.add_on_success()->mutable_put() = AnyPut();
  *request.add_on_failure()->mutable_increment() = IncrementOf(Key(), 3);
  return request;
}

Happened RandomHistory::SendAny() {
  switch (Below(10)) {
    case 0:
      return Send(GetOf(Key()));
    case 1:
      return Send(BatchGetOf({Key(), Key(), Key()}, true));
    case 2:
      return Send(BatchGetOf({Key(), Key()}, false));
    case 3: {
      v1::DeleteRequest del = DeleteOf(Key());
      del.set_return_previous(true);
      return Send(del);
    }
    case 4:
      return Send(IncrementOf(Key(), 1));
    case 5: {
      v1::MoveRequest move = MoveOf("k0", "k1");
      move.set_overwrite(Below(2) == 0);
      return Send(move);
    }
    case 6: {
      v1::TouchRequest touch;
      touch.set_key(Key());
      if (Below(2) == 0) touch.mutable_expiration()->set_keep(true);
      return Send(touch);
    }
    case 7:
      return Send(AnyTransact());
    case 8: {
      v1::TransferRequest transfer;
      transfer.set_source_key("k2");
      transfer.set_destination_key("k3");
      transfer.set_amount(1 + Below(5));
      transfer.set_create_destination(true);
      return Send(transfer);
    }
    default:
      return Send(AnyPut());
  }
}

// The n-th operation takes effect at 100 * n; its interval is around that, as
// far as its process is free.  Five at most are not.
std::vector<Happened> RandomHistory::Make(size_t count) {
  std::vector<Happened> history;
  std::vector<int64_t> free_from(kProcesses, 0);
  for (size_t i = 0; i < count; ++i) {
    const auto moment = static_cast<int64_t>(100 * (i + 1));
    uint32_t process = static_cast<uint32_t>(Below(kProcesses));
    while (free_from[process] > moment) process = (process + 1) % kProcesses;
    Happened happened = SendAny();
    happened.event.process = process;
    happened.event.start =
        std::max(free_from[process], moment - static_cast<int64_t>(Below(500)));
    happened.event.end = moment + static_cast<int64_t>(Below(500));
    free_from[process] = happened.event.end;
    history.push_back(std::move(happened));
  }
  return history;
}

Violations Check(const std::vector<Happened>& happened) {
  History history;
  for (const Happened& each : happened) {
    HistoryEvent event = each.event;
    event.request = each.request;
    event.response = each.response;
    event.error = each.error ? &*each.error : nullptr;
    history.recorder(0).Add(event);
  }
  Verifier verifier;
  verifier.CheckRound(history);
  return verifier.violations();
}

TEST(RandomHistoryTest, WhatHappenedPasses) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    const Violations found = Check(RandomHistory(seed).Make(400));
    ASSERT_TRUE(found.empty()) << found.ToString();
  }
}

// The version of a commit, or 0.
uint64_t VersionOf(const Happened& happened) {
  if (happened.error) return 0;
  return VisitMethod(happened.event.method, [&]<typename Types>(Types) {
    typename Types::Response response;
    ParseMessage(happened.response, &response);
    return CommitVersion(response);
  });
}

TEST(RandomHistoryTest, ACommitThatIsLeftOutIsSeen) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    std::vector<Happened> history = RandomHistory(seed).Make(200);
    size_t left_out = 100;
    while (VersionOf(history[left_out]) == 0) ++left_out;
    history.erase(history.begin() + static_cast<ptrdiff_t>(left_out));
    EXPECT_GT(Check(history).CountOf(sort::kGap), 0u);
  }
}

TEST(RandomHistoryTest, AnAnswerThatIsChangedIsSeen) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    std::vector<Happened> history = RandomHistory(seed).Make(200);
    size_t changed = 100;
    while (history[changed].event.method != Method::kGet ||
           history[changed].response.empty()) {
      ++changed;
    }
    v1::GetResponse answer;
    ParseMessage(history[changed].response, &answer);
    v1::Entry& entry = *answer.mutable_entry();
    switch (seed % 4) {
      case 0:
        entry.mutable_value()->append("0");
        break;
      case 1:
        entry.set_version(entry.version() + 1);
        break;
      case 2:
        entry.set_flags(entry.flags() ^ 1);
        break;
      default:
        if (entry.has_expire_time()) {
          entry.clear_expire_time();
        } else {
          entry.mutable_expire_time()->set_seconds(1);
        }
    }
    history[changed].response = answer.SerializeAsString();
    EXPECT_FALSE(Check(history).empty());
  }
}

// All that overlaps an operation may have come before or behind it; what does
// not, may not.
TEST(RandomHistoryTest, ACommitInAnotherTimeIsSeen) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    std::vector<Happened> history = RandomHistory(seed).Make(200);
    size_t moved = 100;
    while (VersionOf(history[moved]) == 0) ++moved;
    HistoryEvent& event = history[moved].event;
    event.process = kProcesses;
    const int64_t far = seed % 2 == 0 ? 5'000 : -5'000;
    event.start += far;
    event.end += far;
    EXPECT_FALSE(Check(history).empty());
  }
}

class FaultyServerTest : public testing::TestWithParam<Fault> {};

TEST_P(FaultyServerTest, IsSeen) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(seed);
    EXPECT_FALSE(Check(RandomHistory(seed, GetParam()).Make(1'000)).empty());
  }
}

INSTANTIATE_TEST_SUITE_P(
    Faults, FaultyServerTest,
    testing::Values(Fault::kStaleRead, Fault::kTornRead, Fault::kLosesWrites,
                    Fault::kHalvesMoves, Fault::kAppliesTwice,
                    Fault::kIgnoresPreconditions, Fault::kSharesVersions,
                    Fault::kSwapsVersions, Fault::kSkipsVersions,
                    Fault::kAltersAnswers, Fault::kLosesFlags));

}  // namespace
}  // namespace latchkey::verify
