// The rules that several operations share: preconditions, expirations and
// counters.
//
// Thread safety: free functions, no shared state.

#ifndef LATCHKEY_SERVER_STORE_RULES_H_
#define LATCHKEY_SERVER_STORE_RULES_H_

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/clock.h"
#include "server/store/operations.h"
#include "server/store/working_set.h"

namespace latchkey {

// Whether `copy` is as demanded.
bool Holds(const Precondition& precondition, const WorkingCopy& copy);

// OK, or ABORTED PRECONDITION_FAILED, or for a key that must not exist
// ALREADY_EXISTS KEY_EXISTS; both with metadata current_version.
absl::Status CheckPrecondition(const Precondition& precondition,
                               const WorkingCopy& copy);

// The error of a key that exists but must not.
absl::Status KeyExistsError(const WorkingCopy& copy);

// The error of a key that is missing but must not be; `what` it is, as
// "source".
absl::Status KeyNotFoundError(std::string_view what);

// The instant that `expiration` means at `now` for an entry that so far expires
// at `current`.  `field` is how the request calls it.
//
// Errors: INVALID_ARGUMENT INVALID_EXPIRATION for an instant that is not later
// than `now`.
absl::StatusOr<UnixNanos> ResolveExpiration(const Expiration& expiration,
                                            UnixNanos now, UnixNanos current,
                                            std::string_view field);

// The number that a counter's value says.
//
// Errors: FAILED_PRECONDITION NOT_A_COUNTER.
absl::StatusOr<int64_t> ParseCounter(const Entry& entry);

// `counter` + `delta`.
//
// Errors: OUT_OF_RANGE COUNTER_LIMIT for a sum outside `min`..`max`.
absl::StatusOr<int64_t> AddWithin(int64_t counter, int64_t delta, int64_t min,
                                  int64_t max);

// A fill whose lease is void.
absl::Status LeaseLostError();

// There is no room for a write in memory; for its record in the ledger.
absl::Status OutOfMemoryError();
absl::Status LedgerFullError();

// As many characters as the decimal text of a signed 64-bit number can have.
inline constexpr size_t kCounterTextMax = 20;

// An entry of `owner` for `copy`'s key that holds `counter` as decimal text.
EntryRef MakeCounter(const WorkingCopy& copy, int64_t counter, MemoryRoom& room,
                     uint32_t owner);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_RULES_H_
