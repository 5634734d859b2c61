// The idempotency ledger, as a client of the store sees it: once, and the same
// answer for every copy.

#include "server/store/ledger.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/error.h"
#include "server/store/store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/seeded_random.h"

namespace latchkey {
namespace {

constexpr Nanos kWindow = 120 * kNanosPerSecond;

class LedgerTest : public testing::Test {
 protected:
  LedgerTest() : store_(std::make_unique<Store>(options_, clock_, random_)) {}

  void Restart(StoreOptions options) {
    options_ = options;
    store_ = std::make_unique<Store>(options_, clock_, random_);
  }

  // One attempt of a keyed write.
  struct Attempt {
    std::string key = "write-1";
    std::string principal;
    uint64_t fingerprint = 1;
    WriteMethod method = WriteMethod::kPut;
    std::optional<LedgerStamp> stamp;
  };

  IdempotentAnswer Send(const Attempt& attempt, const Operation& operation) {
    return SendWith(attempt, {.on_success = {&operation, 1}}, source_.token());
  }

  IdempotentAnswer SendWith(const Attempt& attempt,
                            const Transaction& transaction,
                            DeadlineToken token) {
    return store_->WriteOnce(
        transaction,
        {.scope = {.principal = attempt.principal, .key = attempt.key},
         .fingerprint = {attempt.fingerprint, 0},
         .method = attempt.method,
         .stamp = attempt.stamp},
        token);
  }

  // What the key holds, or "missing".
  std::string Value(std::string_view key) {
    auto result = store_->Get({.key = key, .touch = {}}, source_.token());
    if (!result->found.entry) return "missing";
    return std::string(result->found.entry->value());
  }

  RecordedOutcome Outcome(std::string_view key, bool fence = false) {
    auto outcome =
        Ask({.scope = {.principal = "", .key = key}, .fence = fence});
    EXPECT_TRUE(outcome.ok()) << outcome.status();
    return *std::move(outcome);
  }
  absl::StatusOr<RecordedOutcome> Ask(const OutcomeQuestion& question) {
    return store_->GetOutcome(question, source_.token());
  }
  // With a fence for the usual write.
  absl::StatusOr<RecordedOutcome> AskWith(const LedgerStamp& stamp) {
    return Ask({.scope = {.principal = "", .key = "write-1"},
                .stamp = stamp,
                .fence = true});
  }

  static Operation Add(int64_t delta) {
    return IncrementOperation{.key = "counter", .delta = delta, .initial = 0};
  }

  FakeClock clock_;
  SeededRandom random_{1};
  StoreOptions options_;
  std::unique_ptr<Store> store_;
  DeadlineSource source_{kNever};
};

template <typename T>
void ExpectReason(const absl::StatusOr<T>& outcome, absl::StatusCode code,
                  ErrorReason reason, std::string_view applied) {
  ASSERT_EQ(outcome.status().code(), code) << outcome.status();
  const std::optional<ErrorDetails> details = GetErrorDetails(outcome.status());
  ASSERT_TRUE(details.has_value());
  EXPECT_EQ(ErrorReasonName(details->reason), ErrorReasonName(reason));
  EXPECT_EQ(details->metadata,
            (ErrorMetadata{{"applied", std::string(applied)}}));
}

TEST_F(LedgerTest, CopiesTakeEffectOnceAndGetOneAnswer) {
  const IdempotentAnswer first = Send({}, Add(5));
  ASSERT_TRUE(first.outcome.ok());
  EXPECT_FALSE(first.replayed);
  for (int copy = 0; copy < 10; ++copy) {
    const IdempotentAnswer again = Send({}, Add(5));
    ASSERT_TRUE(again.outcome.ok());
    EXPECT_TRUE(again.replayed);
    EXPECT_EQ(again.outcome->version, first.outcome->version);
    EXPECT_EQ(std::get<IncrementResult>(again.outcome->results[0]).value, 5);
  }
  EXPECT_EQ(Value("counter"), "5");
  EXPECT_EQ(store_->ledger_counters().replays, 10);
  EXPECT_EQ(store_->ledger_budget().records(), 1);
}

TEST_F(LedgerTest, BadOutcomesAreKeptWithTheirDetails) {
  const Operation missing = MoveOperation{.source_key = "a",
                                          .destination_key = "b",
                                          .source_precondition = {},
                                          .destination_precondition = {}};
  const IdempotentAnswer first = Send({.method = WriteMethod::kMove}, missing);
  ASSERT_EQ(first.outcome.status().code(), absl::StatusCode::kNotFound);
  // What would now succeed is still answered as it was.
  const Operation put = PutOperation{
      .key = "a", .value = "v", .expiration = {}, .precondition = {}};
  ASSERT_TRUE(Send({.key = "write-2"}, put).outcome.ok());
  const IdempotentAnswer again = Send({.method = WriteMethod::kMove}, missing);
  EXPECT_TRUE(again.replayed);
  EXPECT_EQ(again.outcome.status(), first.outcome.status());
  EXPECT_EQ(Value("a"), "v");
  EXPECT_EQ(Value("b"), "missing");
}

TEST_F(LedgerTest, AReplayComesBeforeTheTokenAndBeforeTheExpiration) {
  const Operation put =
      PutOperation{.key = "k",
                   .value = "v",
                   .expiration = {.kind = Expiration::Kind::kAt,
                                  .at = clock_.Now() + 10 * kNanosPerSecond},
                   .precondition = {}};
  ASSERT_TRUE(Send({}, put).outcome.ok());
  clock_.Advance(20 * kNanosPerSecond);
  DeadlineSource ended(clock_.Now());
  const IdempotentAnswer again =
      SendWith({}, {.on_success = {&put, 1}}, ended.token());
  EXPECT_TRUE(again.outcome.ok()) << again.outcome.status();
  EXPECT_TRUE(again.replayed);
}

TEST_F(LedgerTest, AnEndedTokenLeavesNoTraceAndNoRecord) {
  DeadlineSource ended(clock_.Now());
  const Operation add = Add(1);
  const IdempotentAnswer refused =
      SendWith({}, {.on_success = {&add, 1}}, ended.token());
  EXPECT_EQ(refused.outcome.status().code(),
            absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(Value("counter"), "missing");
  EXPECT_EQ(Outcome("write-1").state, RecordedOutcome::State::kUnknown);
  EXPECT_FALSE(Send({}, add).replayed);
  EXPECT_EQ(Value("counter"), "1");
}

TEST_F(LedgerTest, AKeyBelongsToOneRequest) {
  ASSERT_TRUE(Send({}, Add(1)).outcome.ok());
  ExpectReason(Send({.fingerprint = 2}, Add(2)).outcome,
               absl::StatusCode::kFailedPrecondition,
               ErrorReason::kIdempotencyKeyReused, "no");
  EXPECT_EQ(Value("counter"), "1");
  EXPECT_EQ(store_->ledger_counters().mismatches, 1);
}

TEST_F(LedgerTest, AKeyBelongsToOnePrincipal) {
  ASSERT_TRUE(Send({.principal = "ann"}, Add(1)).outcome.ok());
  EXPECT_FALSE(Send({.principal = "bob"}, Add(1)).replayed);
  EXPECT_FALSE(Send({.principal = ""}, Add(1)).replayed);
  EXPECT_TRUE(Send({.principal = "ann"}, Add(1)).replayed);
  // A key and a principal that read alike when put together.
  EXPECT_FALSE(Send({.key = "ab", .principal = "c"}, Add(1)).replayed);
  EXPECT_FALSE(Send({.key = "a", .principal = "bc"}, Add(1)).replayed);
  EXPECT_EQ(Value("counter"), "5");
}

TEST_F(LedgerTest, ARecordLivesExactlyForTheWindow) {
  ASSERT_TRUE(Send({}, Add(1)).outcome.ok());
  clock_.Advance(kWindow - 1);
  EXPECT_TRUE(Send({}, Add(1)).replayed);
  clock_.Advance(1);
  EXPECT_FALSE(Send({}, Add(1)).replayed);
  EXPECT_TRUE(Send({}, Add(1)).replayed);
  EXPECT_EQ(Value("counter"), "2");
}

TEST_F(LedgerTest, AStampRefusesWhatTheLedgerCannotKnow) {
  const LedgerStamp stamp = store_->CurrentStamp();
  ASSERT_TRUE(Send({.stamp = stamp}, Add(1)).outcome.ok());
  clock_.Advance(kWindow);
  ExpectReason(Send({.stamp = stamp}, Add(1)).outcome,
               absl::StatusCode::kFailedPrecondition,
               ErrorReason::kIdempotencyKeyExpired, "unknown");
  EXPECT_EQ(Value("counter"), "1");

  const LedgerStamp fresh = store_->CurrentStamp();
  Restart(options_);
  ExpectReason(Send({.stamp = fresh}, Add(1)).outcome,
               absl::StatusCode::kFailedPrecondition,
               ErrorReason::kIncarnationChanged, "unknown");
  EXPECT_EQ(Value("counter"), "missing");
}

TEST_F(LedgerTest, AnOldStampDoesNotHideALiveRecord) {
  const LedgerStamp stamp = store_->CurrentStamp();
  clock_.Advance(kWindow - kNanosPerSecond);
  ASSERT_TRUE(Send({.stamp = stamp}, Add(1)).outcome.ok());
  clock_.Advance(kWindow - kNanosPerSecond);
  EXPECT_TRUE(Send({.stamp = stamp}, Add(1)).replayed);
}

TEST_F(LedgerTest, AFullLedgerRefusesAndAppliesNothing) {
  Restart({.idempotency_bytes_max = 1'000});
  int kept = 0;
  while (Send({.key = "write-" + std::to_string(kept)}, Add(1)).outcome.ok()) {
    ASSERT_LT(++kept, 100);
  }
  ASSERT_GT(kept, 2);
  const std::string value = Value("counter");
  EXPECT_EQ(value, std::to_string(kept));
  ExpectReason(Send({.key = "one too many"}, Add(1)).outcome,
               absl::StatusCode::kResourceExhausted,
               ErrorReason::kIdempotencyLedgerFull, "no");
  EXPECT_EQ(Value("counter"), value);
  EXPECT_EQ(store_->ledger_counters().refusals, 2);
  // Live records still answer, and room comes back with time.
  EXPECT_TRUE(Send({.key = "write-0"}, Add(1)).replayed);
  clock_.Advance(kWindow);
  EXPECT_EQ(store_->SweepLedger(1'000), static_cast<size_t>(kept));
  EXPECT_EQ(store_->ledger_budget().bytes(), 0);
  EXPECT_TRUE(Send({.key = "one too many"}, Add(1)).outcome.ok());
}

TEST_F(LedgerTest, SweepsAreBoundedAndGoOn) {
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE(Send({.key = std::to_string(i)}, Add(1)).outcome.ok());
  }
  EXPECT_EQ(store_->SweepLedger(1'000), 0);
  clock_.Advance(kWindow);
  EXPECT_EQ(store_->SweepLedger(100), 100);
  EXPECT_EQ(store_->SweepLedger(1'000), 200);
  EXPECT_EQ(store_->ledger_budget().records(), 0);
}

TEST_F(LedgerTest, OutcomesCanBeAskedFor) {
  EXPECT_EQ(Outcome("write-1").state, RecordedOutcome::State::kUnknown);
  const IdempotentAnswer first = Send({}, Add(7));
  const RecordedOutcome outcome = Outcome("write-1");
  EXPECT_EQ(outcome.state, RecordedOutcome::State::kDone);
  EXPECT_EQ(outcome.complete_time, clock_.Now());
  ASSERT_TRUE(outcome.outcome.ok());
  EXPECT_EQ(outcome.outcome->version, first.outcome->version);
  // A fence does not undo what is done.
  EXPECT_EQ(Outcome("write-1", true).state, RecordedOutcome::State::kDone);
}

TEST_F(LedgerTest, AFenceKeepsLateCopiesOut) {
  EXPECT_EQ(Outcome("write-1", true).state,
            RecordedOutcome::State::kNotApplied);
  EXPECT_EQ(Outcome("write-1").state, RecordedOutcome::State::kNotApplied);
  ExpectReason(Send({}, Add(1)).outcome, absl::StatusCode::kFailedPrecondition,
               ErrorReason::kIdempotencyKeyFenced, "no");
  EXPECT_EQ(Value("counter"), "missing");
}

TEST_F(LedgerTest, AForgottenWriteIsNotSaidToBeUndone) {
  const LedgerStamp stamp = store_->CurrentStamp();
  ASSERT_TRUE(Send({.stamp = stamp}, Add(1)).outcome.ok());
  clock_.Advance(kWindow - 1);
  EXPECT_EQ(AskWith(stamp)->state, RecordedOutcome::State::kDone);
  clock_.Advance(1);
  ExpectReason(AskWith(stamp), absl::StatusCode::kFailedPrecondition,
               ErrorReason::kIdempotencyKeyExpired, "unknown");
  // It has left no fence.
  EXPECT_EQ(Outcome("write-1").state, RecordedOutcome::State::kUnknown);
  // Nor does the fence of somebody who asks without a stamp prove anything.
  EXPECT_EQ(Outcome("write-1", true).state,
            RecordedOutcome::State::kNotApplied);
  ExpectReason(AskWith(stamp), absl::StatusCode::kFailedPrecondition,
               ErrorReason::kIdempotencyKeyExpired, "unknown");

  const LedgerStamp fresh = store_->CurrentStamp();
  Restart(options_);
  ExpectReason(AskWith(fresh), absl::StatusCode::kFailedPrecondition,
               ErrorReason::kIncarnationChanged, "unknown");
  EXPECT_EQ(Outcome("write-1").state, RecordedOutcome::State::kUnknown);
}

// A fence that came in time is told as long as it stands, however late.
TEST_F(LedgerTest, AnOldStampDoesNotHideAFenceInTime) {
  const LedgerStamp stamp = store_->CurrentStamp();
  clock_.Advance(kWindow - kNanosPerSecond);
  EXPECT_EQ(AskWith(stamp)->state, RecordedOutcome::State::kNotApplied);
  clock_.Advance(kWindow - 1);
  EXPECT_EQ(AskWith(stamp)->state, RecordedOutcome::State::kNotApplied);
  clock_.Advance(1);
  ExpectReason(AskWith(stamp), absl::StatusCode::kFailedPrecondition,
               ErrorReason::kIdempotencyKeyExpired, "unknown");
}

// Every form in which an outcome can be kept gives it back as it was.
TEST_F(LedgerTest, EveryResultIsKeptWhole) {
  const Operation put = PutOperation{
      .key = "p",
      .value = "1",
      .expiration = {.kind = Expiration::Kind::kTtl, .ttl = kNanosPerSecond},
      .precondition = {}};
  const Operation put_back = PutOperation{.key = "p",
                                          .value = "2",
                                          .expiration = {},
                                          .precondition = {},
                                          .return_previous = true};
  const Operation touch = TouchOperation{
      .key = "p",
      .expiration = {.kind = Expiration::Kind::kTtl, .ttl = kNanosPerSecond}};
  const Operation move = MoveOperation{.source_key = "p",
                                       .destination_key = "q",
                                       .source_precondition = {},
                                       .destination_precondition = {}};
  const Operation transfer = TransferOperation{.source_key = "q",
                                               .destination_key = "r",
                                               .amount = 1,
                                               .create_destination = true};
  const Operation del =
      DeleteOperation{.key = "q", .precondition = {}, .return_previous = true};
  const Operation del_again = DeleteOperation{.key = "q", .precondition = {}};
  const std::vector<Operation> all = {put,      put_back, touch,    move,
                                      transfer, del,      del_again};
  for (size_t i = 0; i < all.size(); ++i) {
    SCOPED_TRACE(i);
    const Attempt attempt = {.key = std::to_string(i)};
    const IdempotentAnswer first = Send(attempt, all[i]);
    ASSERT_TRUE(first.outcome.ok()) << first.outcome.status();
    const IdempotentAnswer again = Send(attempt, all[i]);
    ASSERT_TRUE(again.replayed);
    EXPECT_EQ(again.outcome->version, first.outcome->version);
    EXPECT_EQ(again.outcome->succeeded, first.outcome->succeeded);
    ASSERT_EQ(again.outcome->results.size(), 1);
    EXPECT_EQ(testing::PrintToString(again.outcome->results[0].index()),
              testing::PrintToString(first.outcome->results[0].index()));
  }
  // The last of each kind, field by field.
  const auto replay = [&](size_t i) {
    return Send({.key = std::to_string(i)}, all[i]).outcome->results[0];
  };
  EXPECT_EQ(std::get<PutResult>(replay(0)).expire_time,
            clock_.Now() + kNanosPerSecond);
  EXPECT_EQ(std::get<PutResult>(replay(1)).previous.entry->value(), "1");
  EXPECT_EQ(std::get<PutResult>(replay(1)).expire_time, kNever);
  EXPECT_TRUE(std::get<TouchResult>(replay(2)).touched);
  EXPECT_EQ(std::get<TouchResult>(replay(2)).expire_time,
            clock_.Now() + kNanosPerSecond);
  EXPECT_EQ(std::get<MoveResult>(replay(3)).expire_time,
            clock_.Now() + kNanosPerSecond);
  EXPECT_EQ(std::get<TransferResult>(replay(4)).source_value, 1);
  EXPECT_EQ(std::get<TransferResult>(replay(4)).destination_value, 1);
  EXPECT_TRUE(std::get<DeleteResult>(replay(5)).deleted);
  EXPECT_EQ(std::get<DeleteResult>(replay(5)).previous.entry->value(), "1");
  EXPECT_FALSE(std::get<DeleteResult>(replay(6)).deleted);
}

TEST_F(LedgerTest, ATransactionIsOneWrite) {
  const Operation operations[] = {Add(1), Add(2)};
  const Compare compare = {"counter", {.kind = Precondition::Kind::kMissing}};
  const Transaction transaction = {.form = Transaction::Form::kTransact,
                                   .compares = {&compare, 1},
                                   .on_success = operations,
                                   .on_failure = {}};
  const Attempt attempt = {.method = WriteMethod::kTransact};
  const IdempotentAnswer first =
      SendWith(attempt, transaction, source_.token());
  ASSERT_TRUE(first.outcome.ok());
  const IdempotentAnswer again =
      SendWith(attempt, transaction, source_.token());
  ASSERT_TRUE(again.outcome.ok());
  EXPECT_TRUE(again.replayed);
  EXPECT_TRUE(again.outcome->succeeded);
  ASSERT_EQ(again.outcome->results.size(), 2);
  EXPECT_EQ(std::get<IncrementResult>(again.outcome->results[1]).value, 3);
  EXPECT_EQ(Value("counter"), "3");
}

// The room of a record, as the README states it.
TEST_F(LedgerTest, ARecordOfAPutTakesAtMost160Bytes) {
  const Operation put = PutOperation{
      .key = "k", .value = "v", .expiration = {}, .precondition = {}};
  const std::string uuid = "01890a5d-ac96-774b-bcce-b302099a8057";
  ASSERT_TRUE(Send({.key = uuid}, put).outcome.ok());
  EXPECT_LE(store_->ledger_budget().bytes(), 160);
}

TEST(LedgerStampTest, ReadsBackOnlyWhatItWrote) {
  const LedgerStamp stamp = {0x0123456789abcdef, 1'700'000'000};
  EXPECT_EQ(stamp.ToText(), "0123456789abcdef-1700000000");
  EXPECT_EQ(LedgerStamp::Parse(stamp.ToText()), stamp);
  for (const char* bad :
       {"", "?", "-", "0123456789abcdef", "0123456789abcdef-",
        "0123456789ABCDEF-1700000000", "0123456789abcdef-01",
        "0123456789abcdef-+1", "0123456789abcdef-1 ", "0123456789abcde-17",
        "0123456789abcdef-99999999999999999999"}) {
    EXPECT_EQ(LedgerStamp::Parse(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace latchkey
