// The model against the contract, proto/latchkey/v1/cache.proto, rule by rule.

#include "client/verify/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>

#include "tests/client/verify/history_builder.h"

namespace latchkey::verify {
namespace {

constexpr uint64_t kVersion = 100;

class ModelTest : public testing::Test, public ModelState {
 protected:
  const ModelEntry* Find(std::string_view key) const override {
    const auto found = entries_.find(key);
    return found == entries_.end() ? nullptr : &found->second;
  }

  // Executes `request` as commit 100, and keeps what it did.
  template <typename Response, typename Request>
  Response Run(const Request& request) {
    Response response;
    refusal_ = RunFor(request, &response);
    EXPECT_FALSE(refusal_.has_value()) << refusal_->reason;
    return response;
  }

  // The reason why `request` is refused.
  template <typename Response, typename Request>
  std::string Refuses(const Request& request) {
    const auto before = entries_.size();
    Response response;
    refusal_ = RunFor(request, &response);
    EXPECT_EQ(entries_.size(), before);
    return refusal_ ? std::string(refusal_->reason) : "";
  }

  // As `value @version +flags expires`.
  std::string Entry(const std::string& key) const {
    const ModelEntry* const entry = Find(key);
    if (entry == nullptr) return "missing";
    std::string text = entry->value + " @" + std::to_string(entry->version);
    if (entry->flags != 0) text += " +" + std::to_string(entry->flags);
    return entry->expires ? text + " expires" : text;
  }

  void Have(const std::string& key, const std::string& value,
            bool expires = false) {
    entries_[key] = {
        .value = value, .version = 7, .flags = 3, .expires = expires};
  }

  std::optional<ModelError> refusal_;

 private:
  template <typename Request, typename Response>
  Refusal RunFor(const Request& request, Response* response) {
    ModelChanges changes(*this);
    Refusal refusal = Execute(request, kVersion, &changes, response);
    if (refusal) return refusal;
    for (const auto& [key, entry] : changes.all()) {
      if (entry) {
        entries_[std::string(key)] = *entry;
      } else {
        entries_.erase(std::string(key));
      }
    }
    return refusal;
  }

  std::map<std::string, ModelEntry, std::less<>> entries_;
};

TEST_F(ModelTest, GetShowsTheWholeEntry) {
  Have("k", "v", true);
  const auto response = Run<v1::GetResponse>(GetOf("k"));
  EXPECT_EQ(response.entry().key(), "k");
  EXPECT_EQ(response.entry().value(), "v");
  EXPECT_EQ(response.entry().version(), 7u);
  EXPECT_EQ(response.entry().flags(), 3u);
  EXPECT_TRUE(response.entry().has_expire_time());
  EXPECT_FALSE(response.has_expire_time());
  EXPECT_FALSE(Run<v1::GetResponse>(GetOf("other")).has_entry());
}

TEST_F(ModelTest, GetOfAKnownVersionSendsNone) {
  Have("k", "v");
  v1::GetRequest get = GetOf("k");
  get.set_if_version_not(7);
  EXPECT_TRUE(Run<v1::GetResponse>(get).not_modified());
  get.set_if_version_not(6);
  EXPECT_TRUE(Run<v1::GetResponse>(get).has_entry());
}

TEST_F(ModelTest, GetWithTouchChangesTheExpiry) {
  Have("k", "v");
  v1::GetRequest get = GetOf("k");
  get.mutable_touch()->mutable_ttl()->set_seconds(5);
  const auto response = Run<v1::GetResponse>(get);
  EXPECT_TRUE(response.has_expire_time());
  EXPECT_TRUE(response.entry().has_expire_time());
  EXPECT_EQ(Entry("k"), "v @7 +3 expires");
}

TEST_F(ModelTest, PutReplacesEverything) {
  Have("k", "old", true);
  v1::PutRequest put = PutOf("k", "v");
  put.set_return_previous(true);
  const auto response = Run<v1::PutResponse>(put);
  EXPECT_EQ(response.version(), kVersion);
  EXPECT_FALSE(response.has_expire_time());
  EXPECT_EQ(response.previous().value(), "old");
  EXPECT_TRUE(response.previous().has_expire_time());
  EXPECT_EQ(Entry("k"), "v @100");
}

TEST_F(ModelTest, PutSetsOrKeepsTheExpiry) {
  v1::PutRequest put = PutOf("k", "v");
  put.mutable_expiration()->set_keep(true);
  Run<v1::PutResponse>(put);
  EXPECT_EQ(Entry("k"), "v @100");
  Have("k", "old", true);
  EXPECT_TRUE(Run<v1::PutResponse>(put).has_expire_time());
  EXPECT_EQ(Entry("k"), "v @100 expires");
  put.mutable_expiration()->mutable_ttl()->set_seconds(9);
  put.set_key("l");
  EXPECT_TRUE(Run<v1::PutResponse>(put).has_expire_time());
}

TEST_F(ModelTest, Preconditions) {
  Have("k", "v");
  struct {
    const char* key;
    v1::Precondition condition;
    const char* reason;
    uint64_t current_version;
  } rows[] = {
      {"k", {}, "", 0},
      {"k", {}, "KEY_EXISTS", 7},
      {"k", {}, "", 0},
      {"k", {}, "PRECONDITION_FAILED", 7},
      {"k", {}, "", 0},
      {"k", {}, "PRECONDITION_FAILED", 7},
      {"none", {}, "PRECONDITION_FAILED", 0},
      {"none", {}, "", 0},
      {"none", {}, "PRECONDITION_FAILED", 0},
      {"none", {}, "PRECONDITION_FAILED", 0},
  };
  rows[0].condition.set_exists(true);
  rows[1].condition.set_exists(false);
  rows[2].condition.set_version(7);
  rows[3].condition.set_version(8);
  rows[4].condition.set_value("v");
  rows[5].condition.set_value("w");
  rows[6].condition.set_exists(true);
  rows[7].condition.set_exists(false);
  rows[8].condition.set_version(7);
  rows[9].condition.set_value("");
  for (const auto& row : rows) {
    v1::DeleteRequest del = DeleteOf(row.key);
    *del.mutable_precondition() = row.condition;
    // Looks at it and changes nothing.
    ModelChanges changes(*this);
    v1::DeleteResponse response;
    const Refusal refusal = Execute(del, kVersion, &changes, &response);
    EXPECT_EQ(refusal ? refusal->reason : "", row.reason)
        << row.key << " " << row.condition.ShortDebugString();
    if (refusal) EXPECT_EQ(refusal->current_version, row.current_version);
  }
}

TEST_F(ModelTest, DeleteOfAMissingEntryIsNoCommit) {
  const auto nothing = Run<v1::DeleteResponse>(DeleteOf("k"));
  EXPECT_FALSE(nothing.deleted());
  EXPECT_EQ(nothing.version(), 0u);
  Have("k", "v");
  v1::DeleteRequest del = DeleteOf("k");
  del.set_return_previous(true);
  const auto response = Run<v1::DeleteResponse>(del);
  EXPECT_TRUE(response.deleted());
  EXPECT_EQ(response.version(), kVersion);
  EXPECT_EQ(response.previous().value(), "v");
  EXPECT_EQ(Entry("k"), "missing");
}

TEST_F(ModelTest, IncrementKeepsFlagsAndExpiry) {
  Have("n", "40", true);
  const auto response = Run<v1::IncrementResponse>(IncrementOf("n", 2));
  EXPECT_EQ(response.value(), 42);
  EXPECT_EQ(response.version(), kVersion);
  EXPECT_EQ(Entry("n"), "42 @100 +3 expires");
  v1::IncrementRequest increment = IncrementOf("n", -50);
  increment.mutable_expiration();
  EXPECT_EQ(Run<v1::IncrementResponse>(increment).value(), -8);
  EXPECT_EQ(Entry("n"), "-8 @100 +3");
}

TEST_F(ModelTest, IncrementOfAMissingCounterNeedsAnInitialValue) {
  v1::IncrementRequest increment = IncrementOf("n", 2);
  increment.set_initial(10);
  EXPECT_EQ(Run<v1::IncrementResponse>(increment).value(), 12);
  increment.set_key("other");
  increment.clear_initial();
  EXPECT_EQ(Refuses<v1::IncrementResponse>(increment), "KEY_NOT_FOUND");
}

TEST_F(ModelTest, IncrementStaysWithinItsBounds) {
  Have("n", "9223372036854775806");
  EXPECT_EQ(Refuses<v1::IncrementResponse>(IncrementOf("n", 2)),
            "COUNTER_LIMIT");
  Have("n", "10");
  v1::IncrementRequest increment = IncrementOf("n", 1);
  increment.set_max(10);
  EXPECT_EQ(Refuses<v1::IncrementResponse>(increment), "COUNTER_LIMIT");
  increment.set_max(11);
  increment.set_min(11);
  EXPECT_EQ(Run<v1::IncrementResponse>(increment).value(), 11);
  increment.set_delta(-1);
  EXPECT_EQ(Refuses<v1::IncrementResponse>(increment), "COUNTER_LIMIT");
}

TEST_F(ModelTest, WhatIsNoCounter) {
  for (const char* value : {"", "x", "1x", " 1", "9223372036854775808"}) {
    Have("n", value);
    EXPECT_EQ(Refuses<v1::IncrementResponse>(IncrementOf("n", 1)),
              "NOT_A_COUNTER")
        << value;
  }
}

TEST_F(ModelTest, TouchChangesTheExpiryAlone) {
  v1::TouchRequest touch;
  touch.set_key("k");
  EXPECT_FALSE(Run<v1::TouchResponse>(touch).touched());
  Have("k", "v", true);
  touch.mutable_expiration()->set_keep(true);
  auto response = Run<v1::TouchResponse>(touch);
  EXPECT_TRUE(response.touched());
  EXPECT_TRUE(response.has_expire_time());
  EXPECT_EQ(response.version(), kVersion);
  EXPECT_EQ(Entry("k"), "v @7 +3 expires");
  touch.clear_expiration();
  EXPECT_FALSE(Run<v1::TouchResponse>(touch).has_expire_time());
  EXPECT_EQ(Entry("k"), "v @7 +3");
}

TEST_F(ModelTest, MoveTakesEverythingAlong) {
  Have("a", "v", true);
  const auto response = Run<v1::MoveResponse>(MoveOf("a", "b"));
  EXPECT_EQ(response.version(), kVersion);
  EXPECT_TRUE(response.has_expire_time());
  EXPECT_EQ(Entry("a"), "missing");
  EXPECT_EQ(Entry("b"), "v @100 +3 expires");
}

TEST_F(ModelTest, MoveIsRefusedInThisOrder) {
  v1::MoveRequest move = MoveOf("a", "b");
  move.mutable_source_precondition()->set_exists(true);
  EXPECT_EQ(Refuses<v1::MoveResponse>(move), "PRECONDITION_FAILED");
  move.clear_source_precondition();
  EXPECT_EQ(Refuses<v1::MoveResponse>(move), "KEY_NOT_FOUND");
  Have("a", "v");
  Have("b", "w");
  move.mutable_destination_precondition()->set_version(1);
  EXPECT_EQ(Refuses<v1::MoveResponse>(move), "PRECONDITION_FAILED");
  move.clear_destination_precondition();
  EXPECT_EQ(Refuses<v1::MoveResponse>(move), "KEY_EXISTS");
  EXPECT_EQ(refusal_->current_version, 7u);
  move.set_overwrite(true);
  Run<v1::MoveResponse>(move);
  EXPECT_EQ(Entry("b"), "v @100 +3");
}

TEST_F(ModelTest, TransferKeepsTheSum) {
  v1::TransferRequest transfer;
  transfer.set_source_key("a");
  transfer.set_destination_key("b");
  transfer.set_amount(30);
  EXPECT_EQ(Refuses<v1::TransferResponse>(transfer), "KEY_NOT_FOUND");
  Have("a", "40");
  EXPECT_EQ(Refuses<v1::TransferResponse>(transfer), "KEY_NOT_FOUND");
  transfer.set_create_destination(true);
  const auto response = Run<v1::TransferResponse>(transfer);
  EXPECT_EQ(response.source_value(), 10);
  EXPECT_EQ(response.destination_value(), 30);
  EXPECT_EQ(response.version(), kVersion);
  EXPECT_EQ(Entry("a"), "10 @100 +3");
  EXPECT_EQ(Entry("b"), "30 @100");
  EXPECT_EQ(Refuses<v1::TransferResponse>(transfer), "COUNTER_LIMIT");
  transfer.set_source_min(-20);
  EXPECT_EQ(Run<v1::TransferResponse>(transfer).source_value(), -20);
  Have("b", "text");
  transfer.set_source_min(-100);
  EXPECT_EQ(Refuses<v1::TransferResponse>(transfer), "NOT_A_COUNTER");
}

TEST_F(ModelTest, ABatchIsAllOrNothing) {
  Have("b", "old");
  v1::BatchPutRequest batch;
  *batch.add_puts() = PutOf("a", "1");
  *batch.add_puts() = PutOf("b", "2");
  batch.mutable_puts(1)->mutable_precondition()->set_exists(false);
  EXPECT_EQ(Refuses<v1::BatchPutResponse>(batch), "KEY_EXISTS");
  EXPECT_EQ(refusal_->index, 1);
  EXPECT_EQ(Entry("a"), "missing");
  batch.mutable_puts(1)->clear_precondition();
  const auto response = Run<v1::BatchPutResponse>(batch);
  EXPECT_EQ(response.results(0).version(), kVersion);
  EXPECT_EQ(response.results(1).version(), kVersion);

  v1::BatchDeleteRequest deletes;
  *deletes.add_deletes() = DeleteOf("a");
  *deletes.add_deletes() = DeleteOf("none");
  const auto deleted = Run<v1::BatchDeleteResponse>(deletes);
  EXPECT_EQ(deleted.results(0).version(), kVersion);
  EXPECT_EQ(deleted.results(1).version(), 0u);
}

TEST_F(ModelTest, ATransactionSeesItsOwnChanges) {
  v1::TransactRequest request;
  *request.add_on_success()->mutable_put() = PutOf("k", "5");
  *request.add_on_success()->mutable_increment() = IncrementOf("k", 1);
  *request.add_on_success()->mutable_get() = GetOf("k");
  *request.add_on_success()->mutable_delete_() = DeleteOf("k");
  *request.add_on_success()->mutable_get() = GetOf("k");
  const auto response = Run<v1::TransactResponse>(request);
  EXPECT_TRUE(response.succeeded());
  EXPECT_EQ(response.version(), kVersion);
  EXPECT_EQ(response.results(1).increment().value(), 6);
  EXPECT_EQ(response.results(2).get().entry().value(), "6");
  EXPECT_EQ(response.results(2).get().entry().version(), kVersion);
  EXPECT_FALSE(response.results(4).get().has_entry());
}

TEST_F(ModelTest, ATransactionChoosesByAllItsCompares) {
  Have("k", "v");
  v1::TransactRequest request;
  for (const char* key : {"k", "none"}) {
    v1::Compare* const compare = request.add_compares();
    compare->set_key(key);
    compare->mutable_precondition()->set_exists(true);
  }
  *request.add_on_success()->mutable_put() = PutOf("k", "yes");
  *request.add_on_failure()->mutable_get() = GetOf("k");
  const auto response = Run<v1::TransactResponse>(request);
  EXPECT_FALSE(response.succeeded());
  // It changed nothing.
  EXPECT_EQ(response.version(), 0u);
  EXPECT_EQ(Entry("k"), "v @7 +3");
}

TEST_F(ModelTest, AnOperationThatFailsUndoesTheTransaction) {
  v1::TransactRequest request;
  *request.add_on_success()->mutable_put() = PutOf("a", "1");
  *request.add_on_success()->mutable_move() = MoveOf("none", "b");
  EXPECT_EQ(Refuses<v1::TransactResponse>(request), "KEY_NOT_FOUND");
  EXPECT_EQ(refusal_->index, 1);
  EXPECT_EQ(Entry("a"), "missing");
}

TEST(ModelErrorTest, WhatAnErrorDoesNotSayFits) {
  const ModelError expected = {
      .reason = "PRECONDITION_FAILED", .current_version = 7, .index = 1};
  EXPECT_TRUE(Fits(expected, {"ABORTED", "", {}}));
  EXPECT_TRUE(
      Fits(expected,
           {"ABORTED",
            "PRECONDITION_FAILED",
            {{"current_version", "7"}, {"index", "1"}, {"applied", "no"}}}));
  EXPECT_FALSE(Fits(expected, {"NOT_FOUND", "", {}}));
  EXPECT_FALSE(Fits(expected, {"ABORTED", "LEASE_LOST", {}}));
  EXPECT_FALSE(Fits(expected, {"ABORTED", "", {{"current_version", "8"}}}));
  EXPECT_FALSE(Fits(expected, {"ABORTED", "", {{"index", "0"}}}));
}

TEST(ForgetTimesTest, LeavesOnlyWhetherThereIsOne) {
  v1::TransactResponse response;
  v1::PutResponse* const put = response.add_results()->mutable_put();
  put->mutable_expire_time()->set_seconds(12);
  put->mutable_previous()->mutable_expire_time()->set_nanos(5);
  v1::GetResponse* const get = response.add_results()->mutable_get();
  get->mutable_entry()->mutable_expire_time()->set_seconds(99);
  ForgetTimes(&response);
  EXPECT_EQ(put->expire_time().seconds(), kSomeTime);
  EXPECT_EQ(put->previous().expire_time().seconds(), kSomeTime);
  EXPECT_EQ(put->previous().expire_time().nanos(), 0);
  EXPECT_EQ(get->entry().expire_time().seconds(), kSomeTime);
  EXPECT_FALSE(get->has_expire_time());
}

}  // namespace
}  // namespace latchkey::verify
