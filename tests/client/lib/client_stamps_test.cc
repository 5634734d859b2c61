// The client and the stamps of its writes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "client/lib/client.h"
#include "tests/client/lib/client_fixture.h"
#include "tests/client/lib/fake_cache.h"

namespace latchkey::client {
namespace {

using grpc::StatusCode;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::SizeIs;

class ClientStampsTest : public ClientFixture {};

TEST_F(ClientStampsTest, TheFirstWriteAsksForAStampByItsOwnKey) {
  const PutResult result = client_->Put(PutOf("k"));
  EXPECT_EQ(result.attempts, 1);
  const std::vector<Seen> asked = cache_.SeenOf("GetOutcome");
  ASSERT_THAT(asked, SizeIs(1));
  EXPECT_EQ(asked[0].stamp, "?");
  EXPECT_EQ(asked[0].idempotency_key, result.idempotency_key);
  ASSERT_THAT(cache_.SeenOf("Put"), SizeIs(1));
  EXPECT_EQ(cache_.SeenOf("Put")[0].stamp, "stamp-1");

  client_->Put(PutOf("k"));
  EXPECT_THAT(cache_.SeenOf("GetOutcome"), SizeIs(1));
}

TEST_F(ClientStampsTest, AStaleStampIsReplacedBeforeTheWrite) {
  Connect({.ledger_window = seconds(40)});
  LearnStamp();
  clock_.Advance(seconds(11));
  cache_.set_stamp("stamp-2");
  client_->Put(PutOf("k"));
  EXPECT_THAT(cache_.SeenOf("GetOutcome"), SizeIs(2));
  EXPECT_EQ(cache_.SeenOf("Put")[1].stamp, "stamp-2");
}

// Its outcome is asked for, and it is sent once more, with what it had.
TEST_F(ClientStampsTest, AWriteTellsItsStamp) {
  LearnStamp();
  const PutResult first = client_->Put(PutOf("k"));
  EXPECT_EQ(first.stamp, "stamp-1");
  client_->Get(GetOf("k"), {.stamp = first.stamp});
  EXPECT_EQ(cache_.SeenOf("Get")[0].stamp, "");

  cache_.set_stamp("stamp-2");
  Connect({});
  LearnStamp();
  v1::GetOutcomeRequest request;
  request.set_idempotency_key(first.idempotency_key);
  client_->GetOutcome(request, {.stamp = first.stamp});
  EXPECT_EQ(cache_.SeenOf("GetOutcome").back().stamp, "stamp-1");
  EXPECT_EQ(client_->Put(PutOf("k"), {.stamp = first.stamp}).stamp, "stamp-1");
  EXPECT_EQ(cache_.SeenOf("Put").back().stamp, "stamp-1");
}

TEST_F(ClientStampsTest, ReadsAskWhenThereIsNeed) {
  client_->Get(GetOf("k"));
  client_->Get(GetOf("k"));
  EXPECT_EQ(cache_.SeenOf("Get")[0].stamp, "?");
  EXPECT_EQ(cache_.SeenOf("Get")[1].stamp, "");
  client_->Put(PutOf("k"));
  EXPECT_EQ(cache_.SeenOf("Put")[0].stamp, "stamp-1");
  EXPECT_THAT(cache_.SeenOf("GetOutcome"), SizeIs(0));
}

TEST_F(ClientStampsTest, AWriteThatGotNoStampInTimeWasNotSent) {
  cache_.Script("GetOutcome", std::deque<Answer>(5, Unavailable()));
  auto put = StartPut();
  for (int i = 0; i < 4; ++i) timers_.FireNext();
  const PutResult result = put.get();
  EXPECT_EQ(result.error.code, StatusCode::UNAVAILABLE);
  EXPECT_EQ(result.attempts, 0);
  EXPECT_EQ(result.outcome, Outcome::kNotApplied);
  EXPECT_THAT(cache_.SeenOf("Put"), SizeIs(0));
}

TEST_F(ClientStampsTest, AskingForAStampIsPartOfTheDeadline) {
  cache_.Script("GetOutcome", {Held()});
  const PutResult result =
      client_->Put(PutOf("k"), {.deadline = milliseconds(50)});
  EXPECT_EQ(result.error.code, StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(result.outcome, Outcome::kNotApplied);
}

TEST_F(ClientStampsTest, WithoutStampsWritesGoWithout) {
  cache_.set_stamp("");
  cache_.Script("GetOutcome", {{.status = MakeStatus(StatusCode::UNIMPLEMENTED,
                                                     "NOT_IMPLEMENTED", "")}});
  EXPECT_TRUE(client_->Put(PutOf("k")).ok());
  EXPECT_TRUE(client_->Put(PutOf("k")).ok());
  EXPECT_EQ(cache_.SeenOf("Put")[0].stamp, "");
  EXPECT_THAT(cache_.SeenOf("GetOutcome"), SizeIs(1));
}

TEST_F(ClientStampsTest, ABrokenConnectionPutsTheStampInDoubt) {
  LearnStamp();
  cache_.Script("Get", {Unavailable()});
  client_->Get(GetOf("k"), {.repeat = false});
  cache_.set_stamp("stamp-2");
  client_->Put(PutOf("k"));
  EXPECT_THAT(cache_.SeenOf("GetOutcome"), SizeIs(2));
  EXPECT_EQ(cache_.SeenOf("Put")[1].stamp, "stamp-2");
}

TEST_F(ClientStampsTest, SheddingDoesNotPutTheStampInDoubt) {
  LearnStamp();
  cache_.Script("Get", {Overloaded()});
  client_->Get(GetOf("k"), {.repeat = false});
  client_->Put(PutOf("k"));
  EXPECT_THAT(cache_.SeenOf("GetOutcome"), SizeIs(1));
}

}  // namespace
}  // namespace latchkey::client
