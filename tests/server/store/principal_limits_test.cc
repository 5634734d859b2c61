// What principals may have of the store: bytes of entries, and records of the
// ledger.  Their accounts hold exactly what there is, whoever takes it away.
// LATCHKEY_SEED=N runs that seed of the random test instead of the usual ones.

#include <gtest/gtest.h>

#include <cstdlib>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/access/account_table.h"
#include "tests/server/store/answer_text.h"
#include "tests/server/store/model.h"
#include "tests/server/store/random_transactions.h"
#include "tests/server/store/store_fixture.h"

namespace latchkey {
namespace {

using enum absl::StatusCode;

constexpr Nanos kWindow = 50 * kNanosPerMilli;

// Outlives the store, so it is a base.
struct Accounts {
  Accounts() {
    table.Add(ann);
    table.Add(bob);
  }

  AccountTable table;
  PrincipalAccount ann{1, "ann"};
  PrincipalAccount bob{2, "bob"};
};

class PrincipalLimitsTest : protected Accounts, public StoreTest {
 protected:
  explicit PrincipalLimitsTest(StoreOptions options = {})
      : StoreTest(WithAccounts(options, table)) {}

  static StoreOptions WithAccounts(StoreOptions options,
                                   const AccountTable& table) {
    options.idempotency_window = kWindow;
    options.accounts = &table;
    return options;
  }

  WriteResult DoAs(PrincipalAccount& account, const Operation& operation) {
    return store().Write({.on_success = {&operation, 1}, .account = &account},
                         token());
  }
  WriteResult PutAs(PrincipalAccount& account, std::string_view key,
                    size_t value_size, Expiration expiration = {}) {
    const std::string value(value_size, 'v');
    return DoAs(
        account,
        PutOperation{.key = key, .value = value, .expiration = expiration});
  }
  IdempotentAnswer PutOnceAs(PrincipalAccount& account, std::string_view id,
                             size_t value_size) {
    const std::string value(value_size, 'v');
    const Operation put = PutOperation{.key = "once", .value = value};
    return store().WriteOnce({.on_success = {&put, 1}, .account = &account},
                             {.scope = {.principal = "p", .key = id},
                              .fingerprint = store().FingerprintOf(value)},
                             token());
  }
  absl::StatusOr<RecordedOutcome> FenceAs(PrincipalAccount& account,
                                          std::string_view id) {
    return store().GetOutcome({.scope = {.principal = "p", .key = id},
                               .account = &account,
                               .fence = true},
                              token());
  }

  // Of a key of one byte, by somebody with a limit.
  static int64_t BytesOf(size_t value_size) {
    return static_cast<int64_t>(Entry::BytesOf(1, value_size, false, true));
  }

  template <typename Result>
  static void ExpectOver(const Result& result, std::string_view limit) {
    ExpectError(result, kResourceExhausted, ErrorReason::kPrincipalLimit);
    EXPECT_EQ(MetadataOf(result.status(), "limit"), limit);
  }
};

TEST_F(PrincipalLimitsTest, WhatIsWrittenCountsUntilItIsGone) {
  ann.set_limits({.bytes = 1'000'000});
  bob.set_limits({.bytes = 1'000'000});
  ASSERT_TRUE(PutAs(ann, "a", 100).ok());
  EXPECT_EQ(ann.bytes().used(), BytesOf(100));
  EXPECT_EQ(Look("a").entry->bytes(), static_cast<size_t>(BytesOf(100)));
  // Overwritten by itself, by another, by somebody without a limit.
  ASSERT_TRUE(PutAs(ann, "a", 500).ok());
  EXPECT_EQ(ann.bytes().used(), BytesOf(500));
  ASSERT_TRUE(PutAs(bob, "a", 200).ok());
  EXPECT_EQ(ann.bytes().used(), 0);
  EXPECT_EQ(bob.bytes().used(), BytesOf(200));
  Put("a", "v");
  EXPECT_EQ(bob.bytes().used(), 0);
  // Deleted, moved by another, touched by another.
  ASSERT_TRUE(PutAs(ann, "a", 100).ok());
  ASSERT_TRUE(PutAs(ann, "b", 300).ok());
  Touch("a", Ttl(10_ms));
  EXPECT_EQ(ann.bytes().used(), BytesOf(100) + BytesOf(300));
  Delete("a");
  EXPECT_EQ(ann.bytes().used(), BytesOf(300));
  ASSERT_TRUE(
      DoAs(bob, MoveOperation{.source_key = "b", .destination_key = "c"}).ok());
  EXPECT_EQ(ann.bytes().used(), 0);
  EXPECT_EQ(bob.bytes().used(), BytesOf(300));
}

TEST_F(PrincipalLimitsTest, WhatExpiredCountsUntilItIsSweptOrReplaced) {
  ann.set_limits({.bytes = 1'000'000});
  ASSERT_TRUE(PutAs(ann, "a", 100, Ttl(10_ms)).ok());
  ASSERT_TRUE(PutAs(ann, "b", 100, Ttl(10_ms)).ok());
  Advance(10_ms);
  EXPECT_EQ(ann.bytes().used(), 2 * BytesOf(100));
  ASSERT_TRUE(PutAs(ann, "a", 500).ok());
  EXPECT_EQ(ann.bytes().used(), BytesOf(500) + BytesOf(100));
  EXPECT_EQ(store().SweepExpired(10), 1u);
  EXPECT_EQ(ann.bytes().used(), BytesOf(500));
}

TEST_F(PrincipalLimitsTest, OverItsBytesNothingIsApplied) {
  ann.set_limits({.bytes = 2 * BytesOf(100)});
  ASSERT_TRUE(PutAs(ann, "a", 100).ok());
  ASSERT_TRUE(PutAs(ann, "b", 100).ok());
  const uint64_t version = store().last_version();
  ExpectOver(PutAs(ann, "c", 0), "bytes");
  ExpectOver(PutAs(ann, "a", 200), "bytes");
  // A batch is refused whole.
  const std::string large(100, 'v');
  const Operation batch[] = {DeleteOperation{.key = "a"},
                             PutOperation{.key = "c", .value = "1"},
                             PutOperation{.key = "d", .value = large}};
  ExpectOver(store().Write({.on_success = batch, .account = &ann}, token()),
             "bytes");
  EXPECT_EQ(store().last_version(), version);
  EXPECT_EQ(store().EntryCount(), 2u);
  EXPECT_EQ(ann.bytes().used(), 2 * BytesOf(100));
  EXPECT_EQ(ann.bytes().refused(), 3u);
  // What does not take more goes: its own in place of its own.
  ASSERT_TRUE(PutAs(ann, "a", 100).ok());
  ASSERT_TRUE(
      store()
          .Write({.on_success = std::span(batch).first(2), .account = &ann},
                 token())
          .ok());
  // Nobody else notices, and a lower limit takes nothing away.
  ann.set_limits({.bytes = 1});
  Put("z", "v");
  ASSERT_TRUE(PutAs(ann, "b", 50).ok());
  ExpectOver(PutAs(ann, "b", 100), "bytes");
  EXPECT_EQ(ann.bytes().used(), BytesOf(1) + BytesOf(50));
}

TEST_F(PrincipalLimitsTest, WithoutALimitNothingSaysWhoseItIs) {
  ann.set_limits({.ledger_records = 10});
  ASSERT_TRUE(PutAs(ann, "a", 48).ok());
  EXPECT_EQ(Look("a").entry->owner(), kNoAccount);
  EXPECT_EQ(Look("a").entry->bytes(), Entry::BytesOf(1, 48, false));
  // What was there before the limit does not count, what it left does.
  ann.set_limits({.bytes = 1'000});
  ASSERT_TRUE(PutAs(ann, "b", 48).ok());
  ann.set_limits({});
  ASSERT_TRUE(PutAs(ann, "c", 48).ok());
  EXPECT_EQ(ann.bytes().used(), BytesOf(48));
  ASSERT_TRUE(PutAs(ann, "b", 48).ok());
  EXPECT_EQ(ann.bytes().used(), 0);
}

TEST_F(PrincipalLimitsTest, ARefusedKeyedWriteIsNotKept) {
  ann.set_limits({.ledger_records = 10, .bytes = 10});
  ExpectOver(PutOnceAs(ann, "i", 100).outcome, "bytes");
  EXPECT_EQ(ann.ledger_records().used(), 0);
  ann.set_limits({.ledger_records = 10, .bytes = 1'000});
  IdempotentAnswer answer = PutOnceAs(ann, "i", 100);
  EXPECT_TRUE(answer.outcome.ok());
  EXPECT_FALSE(answer.replayed);
  EXPECT_EQ(ann.ledger_records().used(), 1);
}

TEST_F(PrincipalLimitsTest, OverItsRecordsNothingIsApplied) {
  ann.set_limits({.ledger_records = 2, .bytes = 1'000});
  ASSERT_TRUE(PutOnceAs(ann, "1", 10).outcome.ok());
  ASSERT_TRUE(FenceAs(ann, "2").ok());
  const uint64_t version = store().last_version();
  const int64_t bytes = ann.bytes().used();
  ExpectOver(PutOnceAs(ann, "3", 500).outcome, "ledger-records");
  ExpectOver(FenceAs(ann, "4"), "ledger-records");
  EXPECT_EQ(store().last_version(), version);
  EXPECT_EQ(ann.bytes().used(), bytes);
  // That is no full ledger.
  EXPECT_EQ(store().ledger_counters().refusals, 0u);
  // Copies are answered, others and unkeyed writes not hindered.
  EXPECT_TRUE(PutOnceAs(ann, "1", 10).replayed);
  EXPECT_EQ(FenceAs(ann, "2")->state, RecordedOutcome::State::kNotApplied);
  EXPECT_TRUE(PutOnceAs(bob, "3", 10).outcome.ok());
  EXPECT_TRUE(PutAs(ann, "a", 10).ok());
  // Room comes back with time, when the sweep has come by.
  Advance(kWindow);
  EXPECT_EQ(store().SweepLedger(100), 3u);
  EXPECT_EQ(ann.ledger_records().used(), 0);
  EXPECT_EQ(bob.ledger_records().used(), 0);
  EXPECT_TRUE(PutOnceAs(ann, "3", 500).outcome.ok());
}

class SmallStoreTest : public PrincipalLimitsTest {
 protected:
  SmallStoreTest()
      : PrincipalLimitsTest(
            {.idempotency_bytes_max = 300, .memory_bytes_max = 400'000}) {}
};

TEST_F(SmallStoreTest, WhatIsEvictedDoesNotCount) {
  ann.set_limits({.bytes = 10'000'000});
  int64_t held = 0;
  for (int i = 0; i < 2'000; ++i) {
    ASSERT_TRUE(PutAs(ann, absl::StrCat(i), 1'000).ok());
  }
  for (int i = 0; i < 2'000; ++i) {
    const EntryView view = Look(absl::StrCat(i));
    if (view.entry) held += static_cast<int64_t>(view.entry->bytes());
  }
  EXPECT_GT(store().Counters().evicted, 1'000u);
  EXPECT_EQ(ann.bytes().used(), held);
}

TEST_F(SmallStoreTest, AFullLedgerTakesNothingOfItsAccount) {
  ann.set_limits({.ledger_records = 100, .bytes = 10'000});
  for (int i = 0; i < 10; ++i) {
    const auto answer = PutOnceAs(ann, absl::StrCat(i), 10 * i);
    if (answer.outcome.ok()) continue;
    ExpectError(answer.outcome, kResourceExhausted,
                ErrorReason::kIdempotencyLedgerFull);
  }
  EXPECT_GT(store().ledger_counters().refusals, 0u);
  EXPECT_EQ(ann.ledger_records().used(),
            static_cast<int64_t>(store().ledger_budget().records()));
  EXPECT_EQ(ann.bytes().used(),
            static_cast<int64_t>(Look("once").entry->bytes()));
}

// Threads that write over each other at their limits.
TEST_F(PrincipalLimitsTest, NoThreadsHaveMoreTogether) {
  constexpr int64_t kBytesMax = 1'500, kRecordsMax = 300;
  ann.set_limits({.ledger_records = kRecordsMax, .bytes = kBytesMax});
  bob.set_limits({.ledger_records = kRecordsMax, .bytes = kBytesMax});
  const std::vector<std::string> keys = {"a", "b", "c", "d", "e", "f", "g"};
  std::vector<std::jthread> threads;
  for (int number = 0; number < 4; ++number) {
    threads.emplace_back([&, number] {
      RandomTransactions random(
          static_cast<uint64_t>(number), keys,
          [this](std::string_view key) { return Look(key).entry; });
      for (int i = 0; i < 3'000; ++i) {
        PrincipalAccount& account = random.OneIn(2) ? ann : bob;
        const std::string key = keys[random.Draw(keys.size())];
        if (random.OneIn(3)) {
          PutOnceAs(account, absl::StrCat(number, " ", i), random.Draw(700));
        } else if (random.OneIn(4)) {
          static_cast<void>(DoAs(account, DeleteOperation{.key = key}));
        } else {
          static_cast<void>(PutAs(account, key, random.Draw(700)));
        }
        EXPECT_LE(account.bytes().used(), kBytesMax);
        EXPECT_LE(account.ledger_records().used(), kRecordsMax);
      }
    });
  }
  threads.clear();
  std::map<uint32_t, int64_t> held;
  for (const char* const key : {"a", "b", "c", "d", "e", "f", "g", "once"}) {
    const EntryRef entry = Look(key).entry;
    if (entry) held[entry->owner()] += static_cast<int64_t>(entry->bytes());
  }
  for (PrincipalAccount* const account : {&ann, &bob}) {
    EXPECT_EQ(account->bytes().used(), held[account->number()]);
    EXPECT_GT(account->bytes().refused(), 100u);
    EXPECT_EQ(account->ledger_records().used(), kRecordsMax);
  }
  EXPECT_EQ(store().ledger_budget().records(), 2u * kRecordsMax);
}

std::vector<uint64_t> Seeds() {
  const char* seed = std::getenv("LATCHKEY_SEED");
  if (seed != nullptr) return {std::strtoull(seed, nullptr, 10)};
  return {1, 2, 3};
}

// Random writes of two with limits and one without, against the model, which
// says what each would have afterwards.
class PrincipalModelTest : public PrincipalLimitsTest,
                           public ::testing::WithParamInterface<uint64_t> {
 protected:
  // Who has written a key last, with a limit; or kNoAccount.
  using Owners = std::map<std::string, uint32_t>;

  PrincipalModelTest()
      : model_(store().last_version()),
        random_(GetParam(), keys_,
                [this](std::string_view key) { return Look(key).entry; }) {}

  int64_t BytesOfOwner(const Model& model, const Owners& owners,
                       uint32_t owner) {
    int64_t bytes = 0;
    for (const std::string& key : keys_) {
      const Model::Entry* const entry = model.Find(key, Now());
      const auto it = owners.find(key);
      if (entry == nullptr || it == owners.end() || it->second != owner) {
        continue;
      }
      bytes += static_cast<int64_t>(
          Entry::BytesOf(key, entry->value, entry->flags, owner));
    }
    return bytes;
  }

  void SetLimits() {
    for (PrincipalAccount* const account : {&ann, &bob}) {
      PrincipalLimits& limits = limits_[account->number()];
      limits.bytes = static_cast<int64_t>(100 * random_.Draw(5));
      limits.ledger_records = static_cast<int64_t>(3 * random_.Draw(5));
      account->set_limits(limits);
    }
  }

  void Pause() {
    Advance(random_.NextPause());
    store().SweepExpired(1'000);
    store().SweepLedger(1'000);
    model_.Sweep(Now());
    for (auto& [account, times] : records_) {
      while (!times.empty() && times.front() + kWindow <= Now()) {
        times.pop_front();
      }
    }
  }

  void Write() {
    PrincipalAccount* const accounts[] = {nullptr, &ann, &bob};
    PrincipalAccount* const account = accounts[random_.Draw(3)];
    const uint32_t owner = NumberOf(account);
    const PrincipalLimits& limits = limits_[owner];
    const OwnedTransaction owned = random_.Next(Now());
    Transaction transaction = owned.View();
    transaction.account = account;
    const bool keyed = random_.OneIn(2);

    Model after = model_;
    const std::string expected = after.Write(transaction, Now());
    Owners owners = owners_;
    for (const std::string& key : keys_) {
      const Model::Entry* const entry = after.Find(key, Now());
      if (entry != nullptr && entry->version > model_.last_version()) {
        owners[key] = limits.bytes > 0 ? owner : kNoAccount;
      }
    }
    const int64_t before = BytesOfOwner(model_, owners_, owner);
    const int64_t bytes = BytesOfOwner(after, owners, owner);
    std::string over;
    if (limits.bytes > 0 && bytes > before && bytes > limits.bytes) {
      over = "bytes";
    } else if (keyed && limits.ledger_records > 0 &&
               std::ssize(records_[owner]) >= limits.ledger_records) {
      over = "ledger-records";
    }

    const std::string id = absl::StrCat(++writes_);
    const auto send = [&] {
      return store().WriteOnce(transaction,
                               {.scope = {.principal = "p", .key = id},
                                .fingerprint = store().FingerprintOf(id)},
                               token());
    };
    const WriteResult answer =
        keyed ? send().outcome : store().Write(transaction, token());
    if (!over.empty()) {
      ExpectOver(answer, over);
      ++refused_[over];
    } else {
      ASSERT_EQ(AnswerText(answer), expected) << RequestText(transaction);
      model_ = after;
      owners_ = owners;
      if (keyed) records_[owner].push_back(Now());
      if (keyed && random_.OneIn(4)) {
        EXPECT_TRUE(send().replayed);
      }
    }
  }

  void Check() {
    ASSERT_EQ(store().last_version(), model_.last_version());
    for (PrincipalAccount* const account : {&ann, &bob}) {
      const uint32_t number = account->number();
      ASSERT_EQ(account->bytes().used(), BytesOfOwner(model_, owners_, number));
      ASSERT_EQ(account->ledger_records().used(), std::ssize(records_[number]));
    }
    ASSERT_EQ(store().ledger_budget().records(),
              records_[kNoAccount].size() + records_[ann.number()].size() +
                  records_[bob.number()].size());
  }

  const std::vector<std::string> keys_ = {"a", "b", "c", "d", "e", "f"};
  Model model_;
  RandomTransactions random_;
  Owners owners_;
  std::map<uint32_t, PrincipalLimits> limits_;
  // When the records of each were made that are within the window.
  std::map<uint32_t, std::deque<UnixNanos>> records_;
  std::map<std::string, int> refused_;
  int writes_ = 0;
};

TEST_P(PrincipalModelTest, EachHasWhatTheModelSaysAndNoMore) {
  for (int step = 0; step < 5'000; ++step) {
    const uint64_t kind = random_.Draw(40);
    if (kind == 0) {
      SetLimits();
    } else if (kind <= 6) {
      Pause();
    } else {
      Write();
    }
    if (HasFatalFailure() || HasNonfatalFailure()) break;
    Check();
    if (HasFatalFailure()) break;
  }
  EXPECT_GT(refused_["bytes"], 20);
  EXPECT_GT(refused_["ledger-records"], 100);
}

INSTANTIATE_TEST_SUITE_P(Seeds, PrincipalModelTest,
                         ::testing::ValuesIn(Seeds()),
                         ::testing::PrintToStringParamName());

}  // namespace
}  // namespace latchkey
