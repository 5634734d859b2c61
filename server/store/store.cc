#include "server/store/store.h"

#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/container/fixed_array.h"
#include "server/base/check.h"
#include "server/base/error.h"
#include "server/base/mutant.h"
#include "server/base/scheduling_hook.h"
#include "server/base/sync_point.h"
#include "server/store/batch_read.h"
#include "server/store/multi_shard_lock.h"
#include "server/store/mutant_hooks.h"
#include "server/store/read_rules.h"
#include "server/store/result_budget.h"
#include "server/store/rules.h"
#include "server/store/transaction_runner.h"
#include "server/store/working_set.h"

namespace latchkey {
namespace {

// Versions begin at the wall clock's microseconds times this, so that a
// restarted server never hands out an old one while it commits less than 256
// times in a microsecond.
constexpr uint64_t kVersionsPerMicro = 256;

uint64_t DrawIncarnation(RandomSource& random) {
  uint64_t incarnation = 0;
  random.Fill(std::as_writable_bytes(std::span(&incarnation, 1)));
  return incarnation;
}

absl::Status WriteError(absl::StatusCode code, ErrorReason reason,
                        std::string_view message, std::string_view applied) {
  return MakeError(code, reason, message, {{"applied", std::string(applied)}});
}

// Of the idempotency key behind its length, so that no key and principal
// together look like another pair.
LedgerKey MakeLedgerKey(const KeyHasher& hasher,
                        const IdempotencyScope& scope) {
  LATCHKEY_CHECK(scope.key.size() <= UINT8_MAX,
                 "the edge bounds idempotency keys");
  absl::FixedArray<char, 128> scoped(1 + scope.key.size() +
                                     scope.principal.size());
  scoped[0] = static_cast<char>(scope.key.size());
  const auto rest =
      std::copy(scope.key.begin(), scope.key.end(), scoped.data() + 1);
  std::copy(scope.principal.begin(), scope.principal.end(), rest);
  return {hasher.Hash128({scoped.data(), scoped.size()})};
}

// Gives `version` to what a transaction wrote and then itself replaced: no
// shard holds it, but an answer may.
void SetVersionOfAnswers(uint64_t version, TransactionResult& result) {
  const auto set = [version](const EntryView& view) {
    if (view.entry && view.entry->version() == kNoVersion) {
      view.entry->set_version(version);
    }
  };
  for (const OperationResult& answer : result.results) {
    if (const auto* get = std::get_if<GetResult>(&answer)) set(get->found);
    if (const auto* put = std::get_if<PutResult>(&answer)) set(put->previous);
    if (const auto* del = std::get_if<DeleteResult>(&answer)) {
      set(del->previous);
    }
  }
}

}  // namespace

Store::Store(const StoreOptions& options, const Clock& clock,
             RandomSource& random)
    : options_(options),
      clock_(clock),
      hasher_(random),
      incarnation_(DrawIncarnation(random)),
      memory_(options.memory_bytes_max),
      ledger_budget_(options.idempotency_window, options.idempotency_bytes_max,
                     memory_, options.accounts),
      version_(static_cast<uint64_t>(clock.Now() / kNanosPerMicro) *
               kVersionsPerMicro),
      cuts_(version_, options.snapshot_bytes_max, memory_),
      shards_(std::make_unique<ShardTable>(
          ShardContext{.hasher = hasher_,
                       .memory = memory_,
                       .ledger = ledger_budget_,
                       .cuts = cuts_,
                       .leases = leases_,
                       .ageing = ageing_,
                       .accounts = options.accounts,
                       .eviction = options.eviction,
                       .start = clock.Now()})),
      evictor_(clock_, memory_, cuts_, *shards_),
      scanner_(hasher_, incarnation_, clock_, cuts_, *shards_) {}

Store::~Store() = default;

absl::StatusOr<GetResult> Store::Get(const GetOperation& operation,
                                     DeadlineToken token) const {
  LATCHKEY_CHECK(!operation.touch.has_value(), "a touching read is a write");
  ReachSyncPoint(SyncPoint::kBeforeFirstLock);
  // Whoever dispatched this looked at the deadline less than a microsecond ago,
  // and a second reading of the clock would be a twentieth of the whole.
  if (absl::Status s = StatusOf(token.ended()); !s.ok()) return s;
  const HashedKey key = {operation.key, hasher_.Hash(operation.key)};
  Shard& shard = (*shards_)[key.shard()];
  ShardLock lock(shard);
  ReachSyncPoint(SyncPoint::kCommit);
  const UnixNanos now = clock_.Now();
  if (absl::Status s = CheckToken(token, now); !s.ok()) return s;
  Entry* entry = shard.Find(key, now);
  if (MutantActive(Mutant::kStaleRead)) entry = ReadFromCache(entry);
  shard.CountRead(entry);
  return MakeGetResult(entry, operation.if_version_not);
}

absl::StatusOr<BatchGetResult> Store::BatchGet(
    std::span<const std::string_view> keys, DeadlineToken token) const {
  BatchGetResult result;
  result.results.reserve(keys.size());
  ResultBudget budget(options_.result_bytes_max);
  // Read once for some keys: an entry that expires meanwhile was there for a
  // part of the read, and no more is said of any key.
  UnixNanos now = 0;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (i % BatchRead::kKeysPerCheck == 0) {
      ReachSyncPoint(SyncPoint::kNextKeys);
      now = clock_.Now();
      if (absl::Status s = CheckToken(token, now); !s.ok()) return s;
    }
    const HashedKey key = {keys[i], hasher_.Hash(keys[i])};
    Shard& shard = (*shards_)[key.shard()];
    {
      ShardLock lock(shard);
      Entry* entry = shard.Find(key, now);
      shard.CountRead(entry);
      result.results.push_back(MakeGetResult(entry, kNoVersion));
    }
    absl::Status s = budget.Take(result.results.back().found.entry.get());
    if (!s.ok()) return s;
  }
  return result;
}

absl::StatusOr<BatchRead> Store::PlanBatchGet(
    std::span<const std::string_view> keys, size_t parts_max,
    DeadlineToken token) const {
  BatchRead read(*shards_, clock_, keys, options_.result_bytes_max);
  absl::Status planned = read.Plan(hasher_, parts_max, token);
  if (!planned.ok()) return planned;
  return read;
}

absl::StatusOr<BatchGetResult> Store::BatchGetAtomic(
    std::span<const std::string_view> keys, DeadlineToken token) const {
  LATCHKEY_CHECK(keys.size() <= kOperationsMax, "the edge bounds a batch");
  ReachSyncPoint(SyncPoint::kBeforeFirstLock);
  if (absl::Status s = CheckToken(token, clock_.Now()); !s.ok()) return s;
  std::vector<HashedKey> hashed;
  hashed.reserve(keys.size());
  ShardSet shards;
  for (const std::string_view key : keys) {
    hashed.push_back({key, hasher_.Hash(key)});
    shards.Add(hashed.back().shard());
  }
  BatchGetResult result;
  result.results.reserve(keys.size());
  ResultBudget budget(options_.result_bytes_max);
  MultiShardLock lock(*shards_, shards);
  ReachSyncPoint(SyncPoint::kCommit);
  const UnixNanos now = clock_.Now();
  if (absl::Status s = CheckToken(token, now); !s.ok()) return s;
  result.snapshot_version = version_.load();
  for (const HashedKey& key : hashed) {
    if (MutantActive(Mutant::kTornAtomicRead)) lock.LetGoForAMoment();
    Shard& shard = lock[key.shard()];
    shard.AssertHeld();
    Entry* entry = shard.Find(key, now);
    shard.CountRead(entry);
    if (absl::Status s = budget.Take(entry); !s.ok()) return s;
    result.results.push_back(MakeGetResult(entry, kNoVersion));
  }
  if (MutantActive(Mutant::kLateSnapshotVersion)) {
    lock.LetGoForAMoment();
    result.snapshot_version = version_.load();
  }
  return result;
}

// The order of a write.  Everything that allocates by the size of the request
// happens before the lock, and what was replaced is freed after it: `copies` is
// older than `lock`.
absl::StatusOr<TransactionResult> Store::Write(const Transaction& transaction,
                                               DeadlineToken token) {
  ReachSyncPoint(SyncPoint::kBeforeFirstLock);
  if (absl::Status s = CheckToken(token, clock_.Now()); !s.ok()) return s;
  WorkingSet copies(hasher_, transaction.account);
  TransactionRunner runner(transaction, copies);
  MemoryRoom room(memory_);
  if (!MakeRoom(runner.BytesToPrepare(), copies, room)) {
    return OutOfMemoryError();
  }
  runner.Prepare(room);
  // Mostly one turn: the next where there is too little room for what only the
  // locked shards can tell.
  for (;;) {
    size_t missing = 0;
    {
      TransactionResult result;
      MultiShardLock lock(*shards_, copies.shards());
      ReachSyncPoint(SyncPoint::kCommit);
      const UnixNanos now = clock_.Now();
      // The commit point: an end before it leaves no trace, one after it comes
      // too late.
      if (absl::Status s = CheckToken(token, now); !s.ok()) return s;
      copies.Load(lock, now);
      if (TakeRoom(lock, runner, 0, copies, room, &missing)) {
        absl::Status status =
            runner.Run(now, options_.result_bytes_max, room, &result);
        if (!status.ok()) return status;
        if (!copies.TakeBytes()) {
          return transaction.account->OverLimitError(kBytesLimit);
        }
        Commit(lock, copies, result);
        return result;
      }
    }
    if (!MakeRoom(missing, copies, room)) return OutOfMemoryError();
  }
}

bool Store::MakeRoom(size_t bytes, const WorkingSet& copies, MemoryRoom& room) {
  if (room.TryGrow(bytes)) [[likely]]
    return true;
  const auto keep = [&copies](std::string_view key) {
    return copies.Contains(key);
  };
  return evictor_.MakeRoom(bytes, copies.first_shard(), keep, room);
}

bool Store::TakeRoom(const MultiShardLock& lock,
                     const TransactionRunner& runner, size_t more,
                     WorkingSet& copies, MemoryRoom& room, size_t* missing) {
  const size_t growth = copies.GrowthBytes(lock);
  *missing = runner.BytesToRun() + more + growth;
  if (!room.TryGrow(*missing)) return false;
  if (growth != 0) copies.Grow(lock, room);
  return true;
}

void Store::Commit(const MultiShardLock& lock, WorkingSet& copies,
                   TransactionResult& result) {
  if (copies.changed()) {
    result.version = MutantActive(Mutant::kVersionBeforeLocks)
                         ? TakeVersionAhead(version_)
                         : version_.fetch_add(1) + 1;
    SchedulingPoint();
    SetVersionOfAnswers(result.version, result);
    copies.Publish(lock, result.version);
  }
  copies.EndLeases(lock);
  if (MutantActive(Mutant::kRecordAfterUnlock)) lock.LetGoForAMoment();
}

// What one attempt of a keyed write works on.
struct Store::KeyedAttempt {
  const IdempotentWrite& keyed;
  const LedgerKey ledger_key;
  WorkingSet& copies;
  TransactionRunner& runner;
  MemoryRoom& room;
  // What the room has to be, and whether it is.
  size_t bytes = 0;
  bool has_room = false;
};

IdempotentAnswer Store::WriteOnce(const Transaction& transaction,
                                  const IdempotentWrite& keyed,
                                  DeadlineToken token) {
  const LedgerKey ledger_key = MakeLedgerKey(hasher_, keyed.scope);
  (*shards_)[ledger_key.shard()].PrefetchLedger();
  WorkingSet copies(hasher_, transaction.account);
  TransactionRunner runner(transaction, copies);
  copies.AddShard(ledger_key.shard());
  MemoryRoom room(memory_);
  IdempotentAnswer answer = {.outcome = TransactionResult{}};
  if (MutantActive(Mutant::kVersionBeforeLocks)) DrawVersionAhead(version_);
  if (MutantActive(Mutant::kLostUpdate)) {
    LoadEarly(*shards_, transaction, clock_, copies);
  }
  KeyedAttempt attempt = {keyed, ledger_key, copies, runner, room};
  attempt.bytes =
      runner.BytesToPrepare() + LedgerRecord::BytesMax(runner.operations(), 0);
  attempt.has_room = MakeRoom(attempt.bytes, copies, room);
  if (attempt.has_room) runner.Prepare(room);
  // As in Write(), but that the ledger is looked at even where there is no
  // room.
  while (!TryWriteOnce(attempt, token, &answer)) {
    attempt.has_room = MakeRoom(attempt.bytes, copies, room);
  }
  return answer;
}

bool Store::TryWriteOnce(KeyedAttempt& attempt, DeadlineToken token,
                         IdempotentAnswer* answer) {
  auto& [keyed, ledger_key, copies, runner, room, bytes, has_room] = attempt;
  MultiShardLock lock(*shards_, copies.shards());
  ReachSyncPoint(SyncPoint::kCommit);
  const UnixNanos now = clock_.Now();
  Shard& ledger_shard = lock[ledger_key.shard()];
  ledger_shard.AssertHeld();
  Ledger& ledger = ledger_shard.ledger();
  // What the look-up and the copies need comes from memory at the same time.
  ledger.Prefetch(ledger_key);
  copies.Prefetch(lock);
  const LedgerRecord* found = ledger.Find(ledger_key, now);
  if (MutantActive(Mutant::kTokenBeforeLookUp) &&
      !CheckToken(token, now).ok()) {
    found = nullptr;
  }
  // Before the token: the outcome of a decided write is told even to a copy
  // that has ended.
  if (AnswerFromLedger(found, keyed, now, answer)) {
    if (MutantActive(Mutant::kDoubleApply) && answer->replayed) {
      TransactionResult again;
      copies.Load(lock, now);
      if (TakeRoom(lock, runner, 0, copies, room, &bytes) &&
          runner.Run(now, SIZE_MAX, room, &again).ok()) {
        Commit(lock, copies, again);
      }
    }
    return true;
  }
  // The commit point, as in Write().
  absl::Status status = CheckToken(token, now);
  if (status.ok() && !has_room) status = OutOfMemoryError();
  if (!status.ok()) {
    answer->outcome = status;
    return true;
  }
  copies.Load(lock, now);
  const size_t for_record = LedgerRecord::BytesMax(
      runner.operations(), runner.BytesToAnswer(options_.result_bytes_max));
  if (!TakeRoom(lock, runner, for_record, copies, room, &bytes)) {
    return false;
  }
  status = runner.Run(now, options_.result_bytes_max, room, &*answer->outcome);
  if (MutantActive(Mutant::kHalfABatch) && !status.ok()) {
    Commit(lock, copies, *answer->outcome);
  }
  if (!status.ok()) answer->outcome = status;
  if (MutantActive(Mutant::kErrorNotRecorded) && !status.ok()) return true;
  if (answer->outcome.ok() && !copies.TakeBytes()) {
    answer->outcome = copies.account()->OverLimitError(kBytesLimit);
    return true;
  }
  const size_t record_bytes =
      LedgerRecord::BytesOf(keyed.method, answer->outcome);
  status = TakeRecord(ledger, record_bytes, now, copies.account(), room);
  if (!status.ok()) {
    copies.GiveBytesBack();
    if (MutantActive(Mutant::kRefusedButApplied) && answer->outcome.ok()) {
      Commit(lock, copies, *answer->outcome);
    }
    answer->outcome = std::move(status);
    return true;
  }
  if (answer->outcome.ok()) Commit(lock, copies, *answer->outcome);
  ledger.Insert(ledger_key, now, NumberOf(copies.account()), keyed.fingerprint,
                keyed.method, answer->outcome);
  return true;
}

absl::Status Store::TakeRecord(Ledger& ledger, size_t bytes, UnixNanos now,
                               PrincipalAccount* account, MemoryRoom& room) {
  if (account != nullptr && !account->ledger_records().Take(1)) {
    return account->OverLimitError(kLedgerRecordsLimit);
  }
  if (ledger.Reserve(bytes, now, room)) return absl::OkStatus();
  if (account != nullptr) account->ledger_records().Give(1);
  ledger_counters_.refusals.fetch_add(1, std::memory_order_relaxed);
  return LedgerFullError();
}

bool Store::AnswerFromLedger(const LedgerRecord* record,
                             const IdempotentWrite& keyed, UnixNanos now,
                             IdempotentAnswer* answer) {
  constexpr auto kCode = absl::StatusCode::kFailedPrecondition;
  if (record != nullptr && record->is_tombstone()) {
    answer->outcome = WriteError(kCode, ErrorReason::kIdempotencyKeyFenced,
                                 "GetOutcome fenced the idempotency key", "no");
    return true;
  }
  if (record != nullptr && record->fingerprint() != keyed.fingerprint &&
      !(MutantActive(Mutant::kFingerprintIgnored) &&
        record->method() == keyed.method)) {
    ledger_counters_.mismatches.fetch_add(1, std::memory_order_relaxed);
    answer->outcome = WriteError(
        kCode, ErrorReason::kIdempotencyKeyReused,
        "the idempotency key came before with another request", "no");
    return true;
  }
  if (record != nullptr) {
    ledger_counters_.replays.fetch_add(1, std::memory_order_relaxed);
    answer->outcome = record->outcome();
    answer->replayed = true;
    return true;
  }
  absl::Status status = CheckStamp(keyed.stamp, now);
  if (status.ok()) return false;
  answer->outcome = std::move(status);
  return true;
}

absl::Status Store::CheckStamp(const std::optional<LedgerStamp>& stamp,
                               UnixNanos now) const {
  constexpr auto kCode = absl::StatusCode::kFailedPrecondition;
  if (!stamp.has_value()) return absl::OkStatus();
  if (stamp->incarnation != incarnation_ &&
      !MutantActive(Mutant::kIncarnationIgnored)) {
    return WriteError(kCode, ErrorReason::kIncarnationChanged,
                      "the stamp is of an earlier life of the server",
                      "unknown");
  }
  // A copy of this write may have been recorded at the stamp's second, and that
  // record forgotten a window later.
  if (now / kNanosPerSecond - stamp->unix_seconds >=
          options_.idempotency_window / kNanosPerSecond &&
      !MutantActive(Mutant::kOldStampAccepted)) {
    return WriteError(kCode, ErrorReason::kIdempotencyKeyExpired,
                      "the stamp is older than the ledger's window", "unknown");
  }
  return absl::OkStatus();
}

absl::StatusOr<RecordedOutcome> Store::GetOutcome(
    const OutcomeQuestion& question, DeadlineToken token) {
  ReachSyncPoint(SyncPoint::kBeforeFirstLock);
  if (absl::Status s = CheckToken(token, clock_.Now()); !s.ok()) return s;
  const LedgerKey ledger_key = MakeLedgerKey(hasher_, question.scope);
  Shard& shard = (*shards_)[ledger_key.shard()];
  MemoryRoom room(memory_);
  const bool has_room =
      !question.fence ||
      evictor_.MakeRoom(
          LedgerRecord::BytesOfTombstone(), ledger_key.shard(),
          [](std::string_view) { return false; }, room);
  ShardLock lock(shard);
  ReachSyncPoint(SyncPoint::kCommit);
  const UnixNanos now = clock_.Now();
  if (absl::Status s = CheckToken(token, now); !s.ok()) return s;
  RecordedOutcome recorded;
  const LedgerRecord* record = shard.ledger().Find(ledger_key, now);
  if (record == nullptr || record->is_tombstone()) {
    // Another question may have left the tombstone, and too late.
    const UnixNanos known_at =
        record == nullptr ? now : record->complete_time();
    absl::Status s = CheckStamp(question.stamp, known_at);
    if (!s.ok()) return s;
  }
  if (record == nullptr && question.fence) {
    if (!has_room) return OutOfMemoryError();
    absl::Status s =
        TakeRecord(shard.ledger(), LedgerRecord::BytesOfTombstone(), now,
                   question.account, room);
    if (!s.ok()) return s;
    if (!MutantActive(Mutant::kFenceIgnored)) {
      shard.ledger().Insert(ledger_key, now, NumberOf(question.account));
    }
    recorded.state = RecordedOutcome::State::kNotApplied;
  } else if (record != nullptr && record->is_tombstone()) {
    recorded.state = RecordedOutcome::State::kNotApplied;
  } else if (record != nullptr) {
    recorded = {.state = RecordedOutcome::State::kDone,
                .method = record->method(),
                .outcome = record->outcome(),
                .complete_time = record->complete_time()};
  }
  return recorded;
}

LedgerStamp Store::CurrentStamp() const {
  return {incarnation_, clock_.Now() / kNanosPerSecond};
}

uint64_t Store::last_version() const { return version_.load(); }

}  // namespace latchkey
