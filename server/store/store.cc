#include "server/store/store.h"

#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

#include "server/base/check.h"
#include "server/store/multi_shard_lock.h"
#include "server/store/result_budget.h"
#include "server/store/transaction_runner.h"
#include "server/store/working_set.h"

namespace latchkey {
namespace {

// How many keys a long loop handles between two looks at its token, and how
// many entries a sweep removes under one lock.
constexpr size_t kKeysPerCheck = 64;

// Versions begin at the wall clock's microseconds times this, so that a
// restarted server never hands out an old one while it commits less than 256
// times in a microsecond.
constexpr uint64_t kVersionsPerMicro = 256;

absl::Status CheckToken(DeadlineToken token, UnixNanos now) {
  const EndReason end = token.Check(now);
  if (end == EndReason::kNone) return absl::OkStatus();
  return EndedError(end, DeadlineStage::kBeforeCommit);
}

GetResult MakeGetResult(Entry* entry, uint64_t if_version_not) {
  GetResult result;
  if (entry == nullptr) return result;
  result.not_modified =
      if_version_not != kNoVersion && entry->version() == if_version_not;
  if (!result.not_modified) {
    result.found = {EntryRef(entry), entry->expire_time()};
  }
  return result;
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
      shards_(std::make_unique<ShardTable>(hasher_)),
      version_(static_cast<uint64_t>(clock.Now() / kNanosPerMicro) *
               kVersionsPerMicro) {}

Store::~Store() = default;

absl::StatusOr<GetResult> Store::Get(const GetOperation& operation,
                                     DeadlineToken token) const {
  LATCHKEY_CHECK(!operation.touch.has_value(), "a touching read is a write");
  if (absl::Status s = CheckToken(token, clock_.Now()); !s.ok()) return s;
  const HashedKey key = {operation.key, hasher_.Hash(operation.key)};
  Shard& shard = (*shards_)[key.shard()];
  ShardLock lock(shard);
  const UnixNanos now = clock_.Now();
  if (absl::Status s = CheckToken(token, now); !s.ok()) return s;
  return MakeGetResult(shard.Find(key, now), operation.if_version_not);
}

absl::StatusOr<BatchGetResult> Store::BatchGet(
    std::span<const std::string_view> keys, DeadlineToken token) const {
  BatchGetResult result;
  result.results.reserve(keys.size());
  ResultBudget budget(options_.result_bytes_max);
  for (size_t i = 0; i < keys.size(); ++i) {
    if (i % kKeysPerCheck == 0) {
      if (absl::Status s = CheckToken(token, clock_.Now()); !s.ok()) return s;
    }
    const HashedKey key = {keys[i], hasher_.Hash(keys[i])};
    Shard& shard = (*shards_)[key.shard()];
    {
      ShardLock lock(shard);
      result.results.push_back(
          MakeGetResult(shard.Find(key, clock_.Now()), kNoVersion));
    }
    absl::Status s = budget.Take(result.results.back().found.entry.get());
    if (!s.ok()) return s;
  }
  return result;
}

absl::StatusOr<BatchGetResult> Store::BatchGetAtomic(
    std::span<const std::string_view> keys, DeadlineToken token) const {
  LATCHKEY_CHECK(keys.size() <= kOperationsMax, "the edge bounds a batch");
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
  const UnixNanos now = clock_.Now();
  if (absl::Status s = CheckToken(token, now); !s.ok()) return s;
  result.snapshot_version = version_.load();
  for (const HashedKey& key : hashed) {
    Shard& shard = lock[key.shard()];
    shard.AssertHeld();
    Entry* entry = shard.Find(key, now);
    if (absl::Status s = budget.Take(entry); !s.ok()) return s;
    result.results.push_back(MakeGetResult(entry, kNoVersion));
  }
  return result;
}

// The order of a write.  Everything that allocates by the size of the request
// happens before the lock, and what was replaced is freed after it: `copies` is
// older than `lock`.
absl::StatusOr<TransactionResult> Store::Write(const Transaction& transaction,
                                               DeadlineToken token) {
  if (absl::Status s = CheckToken(token, clock_.Now()); !s.ok()) return s;
  WorkingSet copies(hasher_);
  TransactionRunner runner(transaction, copies);
  TransactionResult result;
  MultiShardLock lock(*shards_, copies.shards());
  const UnixNanos now = clock_.Now();
  // The commit point: an end before it leaves no trace, one after it comes too
  // late.
  if (absl::Status s = CheckToken(token, now); !s.ok()) return s;
  copies.Load(lock, now);
  absl::Status status = runner.Run(now, options_.result_bytes_max, &result);
  if (!status.ok()) return status;
  if (copies.changed()) {
    result.version = version_.fetch_add(1) + 1;
    SetVersionOfAnswers(result.version, result);
    copies.Publish(lock, result.version);
  }
  return result;
}

size_t Store::SweepExpired(size_t entries_max) {
  size_t removed_count = 0;
  std::vector<EntryRef> removed;
  size_t visited = 0;
  while (visited < kShardCount && removed_count < entries_max) {
    Shard& shard = (*shards_)[static_cast<ShardIndex>(
        sweep_next_.load(std::memory_order_relaxed))];
    const size_t slice = std::min(kKeysPerCheck, entries_max - removed_count);
    {
      ShardLock lock(shard);
      shard.RemoveExpired(clock_.Now(), slice, removed);
    }
    // A shard that filled its slice may have more: it is visited again.
    if (removed.size() < slice) {
      ++visited;
      sweep_next_.fetch_add(1, std::memory_order_relaxed);
    }
    removed_count += removed.size();
    removed.clear();
  }
  return removed_count;
}

size_t Store::EntryCount() const {
  size_t count = 0;
  for (size_t i = 0; i < kShardCount; ++i) {
    Shard& shard = (*shards_)[static_cast<ShardIndex>(i)];
    ShardLock lock(shard);
    count += shard.size();
  }
  return count;
}

uint64_t Store::last_version() const { return version_.load(); }

}  // namespace latchkey
