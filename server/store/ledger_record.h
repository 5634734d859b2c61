// LedgerRecord is what became of one keyed write, in one allocation:
//
//   | fingerprint | complete_time | version | a | b | detail | sizes | scoped
//   key |
//
// Most outcomes are two numbers (an expiry, a counter), kept in `a` and `b`;
// the others (errors, batches, entries given back) are kept whole behind
// `detail`.
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
#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "server/base/clock.h"
#include "server/store/idempotency.h"
#include "server/store/operations.h"

namespace latchkey {

class LedgerRecord {
 public:
  struct Deleter {
    void operator()(LedgerRecord* record) const;
  };
  using Ptr = std::unique_ptr<LedgerRecord, Deleter>;

  // The record of an outcome.  Where it is OK, its version is still to be set.
  //
  // REQUIRES: scoped_key.size() <= 65,535.
  static Ptr Make(std::string_view scoped_key, const Fingerprint& fingerprint,
                  WriteMethod method, UnixNanos time,
                  const absl::StatusOr<TransactionResult>& outcome);

  // A tombstone: the write did not happen and must not.
  static Ptr MakeTombstone(std::string_view scoped_key, UnixNanos time);

  LedgerRecord(const LedgerRecord&) = delete;
  LedgerRecord& operator=(const LedgerRecord&) = delete;

  std::string_view scoped_key() const {
    return {reinterpret_cast<const char*>(this + 1), key_size_};
  }
  const Fingerprint& fingerprint() const { return fingerprint_; }
  UnixNanos complete_time() const { return complete_time_; }
  WriteMethod method() const { return method_; }
  bool is_tombstone() const { return form_ == Form::kTombstone; }

  // The version of the commit, kNoVersion where nothing changed.
  void set_version(uint64_t version) { version_ = version; }

  // What the first copy was answered.  REQUIRES: !is_tombstone().
  absl::StatusOr<TransactionResult> outcome() const;

  // All memory that the record takes, its place in the ledger included.
  size_t bytes() const;

 private:
  using Detail = absl::StatusOr<TransactionResult>;

  enum class Form : uint8_t { kTombstone, kNumbers, kDetail };

  LedgerRecord(std::string_view scoped_key, const Fingerprint& fingerprint,
               WriteMethod method, UnixNanos time);
  ~LedgerRecord() = default;

  static Ptr Allocate(std::string_view scoped_key,
                      const Fingerprint& fingerprint, WriteMethod method,
                      UnixNanos time);

  // Whether `outcome` is two numbers; keeps it then.
  bool KeepAsNumbers(const absl::StatusOr<TransactionResult>& outcome);

  const Fingerprint fingerprint_;
  const UnixNanos complete_time_;
  uint64_t version_ = kNoVersion;
  int64_t a_ = 0;
  int64_t b_ = 0;
  std::unique_ptr<Detail> detail_;
  const uint16_t key_size_;
  const WriteMethod method_;
  Form form_ = Form::kTombstone;
  // With kNumbers: which OperationResult.
  uint8_t kind_ = 0;
};

static_assert(sizeof(LedgerRecord) == 64, "the scoped key follows the header");

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_LEDGER_RECORD_H_
