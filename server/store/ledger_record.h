// LedgerRecord is what became of one keyed write, in 64 bytes of the ledger's
// queue:
//
//   | key | complete_time | older | owner, form |
//   | fingerprint | version | what |
//
// The first half is all that the ledger itself looks at.
//
// Most outcomes are one number (an expiry, a counter), and `what` is that; the
// others (errors, batches, transfers, entries given back) are kept whole
// elsewhere, and `what` says where.
//
// The idempotency key is kept as its hash: it is as long as the fingerprint, on
// which the promise rests as well, and no longer key makes a longer record.
//
// An outcome is kept as the store's own result, not as the bytes that were
// sent: the same result is encoded to the same bytes, so a replay equals the
// first answer byte for byte, and nothing is encoded while locks are held.
//
// Thread safety: the mutex of the record's shard guards it.

#ifndef LATCHKEY_SERVER_STORE_LEDGER_RECORD_H_
#define LATCHKEY_SERVER_STORE_LEDGER_RECORD_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "server/access/account_table.h"
#include "server/base/clock.h"
#include "server/store/fingerprint.h"
#include "server/store/hashed_key.h"
#include "server/store/idempotency.h"
#include "server/store/operations.h"

namespace latchkey {

// Who wrote, and under which idempotency key: a keyed hash of both
// (KeyHasher::Hash128), so that no two pairs are ever taken for one.
struct LedgerKey {
  Fingerprint hash;

  // The top 8 bits; the ledger's buckets use others.
  ShardIndex shard() const { return static_cast<ShardIndex>(hash.high >> 56); }

  friend bool operator==(const LedgerKey&, const LedgerKey&) = default;
};

class LedgerRecord {
 public:
  using Outcome = absl::StatusOr<TransactionResult>;

  // The record of an outcome.  `owner` is the number of the account among whose
  // records it counts (AccountTable).
  LedgerRecord(const LedgerKey& key, UnixNanos time, uint32_t owner,
               const Fingerprint& fingerprint, WriteMethod method,
               const Outcome& outcome);

  // A tombstone: the write did not happen and must not.
  LedgerRecord(const LedgerKey& key, UnixNanos time, uint32_t owner)
      : key_(key), complete_time_(time), owner_(owner) {}

  ~LedgerRecord() {
    if (form_ == Form::kDetail) delete detail_;
  }

  LedgerRecord(const LedgerRecord&) = delete;
  LedgerRecord& operator=(const LedgerRecord&) = delete;

  const LedgerKey& key() const { return key_; }
  const Fingerprint& fingerprint() const { return fingerprint_; }
  UnixNanos complete_time() const { return complete_time_; }
  uint32_t owner() const { return owner_; }
  WriteMethod method() const { return method_; }
  bool is_tombstone() const { return form_ == Form::kTombstone; }

  // What the first copy was answered.  REQUIRES: !is_tombstone().
  Outcome outcome() const;

  // All memory that the record takes, its place in the ledger included.
  size_t bytes() const {
    return form_ == Form::kDetail ? BytesOf(detail_) : kBytesMin;
  }

  // bytes() of a record that is still to be made.
  static size_t BytesOf(WriteMethod method, const Outcome& outcome) {
    return BytesOf(FormOf(method, outcome) == Form::kDetail ? &outcome
                                                            : nullptr);
  }
  static size_t BytesOfTombstone() { return kBytesMin; }

  // At most bytes() of an outcome with `operations` answers that refer to
  // entries of `held_bytes` together.
  static size_t BytesMax(size_t operations, size_t held_bytes);

  // The place of the record in the ledger, which alone knows what it means.
  uint32_t older() const { return older_; }
  void set_older(uint32_t older) { older_ = older; }

 private:
  enum class Form : uint8_t { kTombstone, kNumber, kDetail };

  // What a record costs beside itself: its part of a node of the queue's, and
  // its buckets, of which there are at most eight to a record.
  static constexpr size_t kPlaceBytes = 4 + 8 * 4;
  static constexpr size_t kBytesMin = 64 + kPlaceBytes;

  static Form FormOf(WriteMethod method, const Outcome& outcome);
  void KeepNumber(const OperationResult& result);
  OperationResult KeptNumber() const;

  // `detail` is null where there is none.
  static size_t BytesOf(const Outcome* detail);

  const LedgerKey key_;
  const UnixNanos complete_time_;
  uint32_t older_ = 0;
  const uint32_t owner_ : 20;
  static_assert(kAccountNumberMax >> 20 == 0, "an owner fits");
  const WriteMethod method_ : 4 = WriteMethod::kPut;
  Form form_ : 2 = Form::kTombstone;
  // With kNumber: which OperationResult, and whether it says that there was
  // something to delete or touch.
  uint8_t kind_ : 3 = 0;
  bool was_there_ : 1 = false;
  const Fingerprint fingerprint_;
  uint64_t version_ = kNoVersion;
  // By form_.
  union {
    int64_t number_ = 0;
    const Outcome* detail_;  // Owned.
  };
};

static_assert(sizeof(LedgerRecord) == 64, "as drawn above");

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_LEDGER_RECORD_H_
