// LedgerRecord is what became of one keyed write, in 104 bytes of the ledger's
// queue:
//
//   | fingerprint | complete_time | version | what | place | sizes | scoped key
//   |
//
// Most outcomes are two numbers (an expiry, a counter), and `what` is these;
// the others (errors, batches, entries given back) are kept whole elsewhere,
// and `what` says where.  So is a scoped key that does not fit, which that of a
// UUID does in either of its forms.
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
#include <string_view>

#include "absl/status/statusor.h"
#include "server/base/clock.h"
#include "server/store/hashed_key.h"
#include "server/store/idempotency.h"
#include "server/store/operations.h"

namespace latchkey {

class LedgerRecord {
 public:
  using Outcome = absl::StatusOr<TransactionResult>;

  // The record of an outcome.
  //
  // REQUIRES: scoped_key.key.size() <= 65,535.
  LedgerRecord(const HashedKey& scoped_key, UnixNanos time,
               const Fingerprint& fingerprint, WriteMethod method,
               const Outcome& outcome);

  // A tombstone: the write did not happen and must not.
  LedgerRecord(const HashedKey& scoped_key, UnixNanos time);

  ~LedgerRecord();

  LedgerRecord(const LedgerRecord&) = delete;
  LedgerRecord& operator=(const LedgerRecord&) = delete;

  std::string_view scoped_key() const {
    return {key_size_ <= kInlineKeyBytes ? inline_key_ : key_, key_size_};
  }
  const Fingerprint& fingerprint() const { return fingerprint_; }
  UnixNanos complete_time() const { return complete_time_; }
  WriteMethod method() const { return method_; }
  bool is_tombstone() const { return form_ == Form::kTombstone; }

  // What the first copy was answered.  REQUIRES: !is_tombstone().
  Outcome outcome() const;

  // All memory that the record takes, its place in the ledger included.
  size_t bytes() const;

  // bytes() of a record that is still to be made.
  static size_t BytesOf(const HashedKey& scoped_key, WriteMethod method,
                        const Outcome& outcome);
  static size_t BytesOfTombstone(const HashedKey& scoped_key);

  // The place of the record in the ledger, which alone knows what it means.
  uint32_t hash() const { return hash_; }
  uint32_t older() const { return older_; }
  void set_older(uint32_t older) { older_ = older; }

 private:
  enum class Form : uint8_t { kTombstone, kNumbers, kDetail };

  // What an outcome of Form::kNumbers is.
  struct Numbers {
    int64_t a = 0;
    int64_t b = 0;
  };

  static constexpr size_t kInlineKeyBytes = 40;

  static Form FormOf(WriteMethod method, const Outcome& outcome);
  static Numbers ToNumbers(const OperationResult& result);
  static OperationResult FromNumbers(size_t kind, const Numbers& n);

  void CopyKey(std::string_view key);

  // `detail` is null where there is none.
  static size_t BytesOf(size_t key_size, const Outcome* detail);

  const Fingerprint fingerprint_;
  const UnixNanos complete_time_;
  uint64_t version_ = kNoVersion;
  // By form_.
  union {
    Numbers numbers_ = {};
    const Outcome* detail_;  // Owned.
  };
  // The lower half of the scoped key's hash.
  const uint32_t hash_;
  uint32_t older_ = 0;
  const uint16_t key_size_;
  const WriteMethod method_ = WriteMethod::kPut;
  Form form_ = Form::kTombstone;
  // With kNumbers: which OperationResult.
  uint8_t kind_ = 0;
  // By key_size_.
  union {
    char inline_key_[kInlineKeyBytes];
    const char* key_;  // Owned.
  };
};

static_assert(sizeof(LedgerRecord) == 104, "as drawn above");

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_LEDGER_RECORD_H_
