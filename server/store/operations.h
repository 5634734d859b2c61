// What can be asked of the store, and what it answers: plain values, known to
// no protocol.  The fields mean what proto/latchkey/v1/cache.proto says of the
// fields of the same names.
//
// Lifetime: the views of a request refer to the caller's memory, for the length
// of the call.  An answer holds what it refers to.

#ifndef LATCHKEY_SERVER_STORE_OPERATIONS_H_
#define LATCHKEY_SERVER_STORE_OPERATIONS_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "server/access/principal_account.h"
#include "server/base/clock.h"
#include "server/store/entry.h"

namespace latchkey {

// A version that no entry has.
inline constexpr uint64_t kNoVersion = 0;

// The number of a lease (lease_table.h); that of none, and one that no lease
// has.
using LeaseId = uint64_t;
inline constexpr LeaseId kNoLease = 0;
inline constexpr LeaseId kVoidLease = UINT64_MAX;

struct Precondition {
  enum class Kind : uint8_t { kNone, kExists, kMissing, kVersion, kValue };

  Kind kind = Kind::kNone;
  uint64_t version = kNoVersion;  // kVersion only.
  std::string_view value = {};    // kValue only.
};

struct Expiration {
  enum class Kind : uint8_t { kNever, kTtl, kAt, kKeep };

  Kind kind = Kind::kNever;
  // kTtl only; > 0.
  Nanos ttl = 0;
  // kAt only; later than the commit, else INVALID_EXPIRATION.
  UnixNanos at = 0;
};

struct GetOperation {
  std::string_view key = {};
  uint64_t if_version_not = kNoVersion;
  std::optional<Expiration> touch = {};
};

struct PutOperation {
  std::string_view key = {};
  std::string_view value = {};
  Expiration expiration = {};
  Precondition precondition = {};
  uint32_t flags = 0;
  bool return_previous = false;
  // The lease that this fills; void: LEASE_LOST.
  LeaseId lease = kNoLease;
};

struct DeleteOperation {
  std::string_view key = {};
  Precondition precondition = {};
  bool return_previous = false;
};

struct IncrementOperation {
  std::string_view key = {};
  int64_t delta = 0;
  std::optional<int64_t> initial = {};
  int64_t min = INT64_MIN;
  int64_t max = INT64_MAX;
  // Of the contract's absent expiration the service makes kKeep.
  Expiration expiration = {.kind = Expiration::Kind::kKeep};
};

struct TouchOperation {
  std::string_view key = {};
  Expiration expiration = {};
};

// REQUIRES: the keys differ.
struct MoveOperation {
  std::string_view source_key = {};
  std::string_view destination_key = {};
  bool overwrite = false;
  Precondition source_precondition = {};
  Precondition destination_precondition = {};
};

// REQUIRES: the keys differ and amount > 0.
struct TransferOperation {
  std::string_view source_key = {};
  std::string_view destination_key = {};
  int64_t amount = 0;
  int64_t source_min = 0;
  bool create_destination = false;
};

using Operation = std::variant<GetOperation, PutOperation, DeleteOperation,
                               IncrementOperation, TouchOperation,
                               MoveOperation, TransferOperation>;

struct Compare {
  std::string_view key = {};
  Precondition precondition = {};
};

// An entry as an operation saw it.  A touch changes the expiry of an entry in
// place, so the expiry of that moment is kept beside it.
struct EntryView {
  EntryRef entry;  // Null: there was none.
  UnixNanos expire_time = kNever;
};

struct GetResult {
  EntryView found;
  bool not_modified = false;
  // The new expiry where the entry was touched; kNever also where it was not.
  UnixNanos touched_expire_time = kNever;
};

struct PutResult {
  UnixNanos expire_time = kNever;
  EntryView previous;
};

struct DeleteResult {
  bool deleted = false;
  EntryView previous;
};

struct IncrementResult {
  int64_t value = 0;
};

struct TouchResult {
  bool touched = false;
  UnixNanos expire_time = kNever;
};

struct MoveResult {
  UnixNanos expire_time = kNever;
};

struct TransferResult {
  int64_t source_value = 0;
  int64_t destination_value = 0;
};

// The alternatives stand in the order of Operation's.
using OperationResult =
    std::variant<GetResult, PutResult, DeleteResult, IncrementResult,
                 TouchResult, MoveResult, TransferResult>;

// Every write is one of these: a single operation is a transaction of one.
struct Transaction {
  // How the operations are called where an error has to name one.
  enum class Form : uint8_t {
    // One operation; errors name no index.
    kSingle,
    // A batch: errors carry metadata `index` and field paths begin with
    // `batch_field` ("puts[3].").
    kBatch,
    // A transaction: as a batch, with "on_success[3]." or "on_failure[3].".
    kTransact,
  };

  Form form = Form::kSingle;
  std::string_view batch_field = {};  // kBatch only.
  std::span<const Compare> compares = {};
  std::span<const Operation> on_success = {};
  std::span<const Operation> on_failure = {};

  // Whose limits count; null where there are none.
  PrincipalAccount* account = nullptr;
};

struct TransactionResult {
  // Whether all compares held.
  bool succeeded = true;

  // One for each operation that ran, in their order.
  absl::InlinedVector<OperationResult, 1> results;

  // The commit's version; kNoVersion where nothing changed.
  uint64_t version = kNoVersion;
};

struct BatchGetResult {
  std::vector<GetResult> results;
  uint64_t snapshot_version = kNoVersion;  // An atomic read's only.
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_OPERATIONS_H_
