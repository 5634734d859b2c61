// What a write must bring to take effect once, and what it gets back.
//
// Lifetime: the views refer to the caller's memory, for the length of the call.

#ifndef LATCHKEY_SERVER_STORE_IDEMPOTENCY_H_
#define LATCHKEY_SERVER_STORE_IDEMPOTENCY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "server/base/clock.h"
#include "server/store/fingerprint.h"
#include "server/store/operations.h"

namespace latchkey {

// The RPC of a keyed write.  A record keeps it, so that GetOutcome can tell.
enum class WriteMethod : uint8_t {
  kPut,
  kBatchPut,
  kDelete,
  kBatchDelete,
  kIncrement,
  kTouch,
  kMove,
  kTransfer,
  kTransact,
};

// A moment in one life of a server, as the server tells it to clients and gets
// it back with a keyed write.  Opaque to clients.
struct LedgerStamp {
  // Drawn at boot: a restart loses data and ledger together.
  uint64_t incarnation = 0;
  // The server's time, rounded down.
  int64_t unix_seconds = 0;

  // As it goes over the wire: 16 hexadecimal digits, a hyphen, and the seconds.
  std::string ToText() const;

  // Nothing for a text that ToText() does not make.
  static std::optional<LedgerStamp> Parse(std::string_view text);

  friend bool operator==(const LedgerStamp&, const LedgerStamp&) = default;
};

// Whose write it is.  The same key of two principals is two keys.
struct IdempotencyScope {
  std::string_view principal;
  std::string_view key;  // 1 to 64 bytes.
};

struct IdempotentWrite {
  IdempotencyScope scope;
  Fingerprint fingerprint;
  WriteMethod method = WriteMethod::kPut;
  // What the client held before its first attempt of this write.
  std::optional<LedgerStamp> stamp;
};

struct IdempotentAnswer {
  absl::StatusOr<TransactionResult> outcome;
  // The outcome was decided by an earlier copy of the write.
  bool replayed = false;
};

// What GetOutcome asks.
struct OutcomeQuestion {
  IdempotencyScope scope;
  // Whose limit of records counts; null where there is none.
  PrincipalAccount* account = nullptr;
  // As the write's.
  std::optional<LedgerStamp> stamp;
  // Where nothing is recorded, no later copy shall take effect.
  bool fence = false;
};

// The answer to GetOutcome.
struct RecordedOutcome {
  enum class State : uint8_t { kUnknown, kDone, kNotApplied };

  State state = State::kUnknown;

  // With kDone only.
  WriteMethod method = WriteMethod::kPut;
  absl::StatusOr<TransactionResult> outcome = TransactionResult{};
  UnixNanos complete_time = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_IDEMPOTENCY_H_
