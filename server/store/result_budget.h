// ResultBudget counts what an answer will carry, before anything is changed or
// copied: a request of a few bytes can name a large entry many times.
//
// Thread safety: an instance belongs to one thread.

#ifndef LATCHKEY_SERVER_STORE_RESULT_BUDGET_H_
#define LATCHKEY_SERVER_STORE_RESULT_BUDGET_H_

#include <cstddef>

#include "absl/status/status.h"
#include "server/base/error.h"
#include "server/store/entry.h"

namespace latchkey {

class ResultBudget {
 public:
  explicit ResultBudget(size_t bytes_max = 0) : bytes_left_(bytes_max) {}

  // Counts `entry`, where there is one, or is RESOURCE_EXHAUSTED,
  // RESPONSE_TOO_LARGE.
  absl::Status Take(const Entry* entry) {
    if (entry == nullptr) return absl::OkStatus();
    const size_t bytes =
        entry->key().size() + entry->value().size() + kEntryOverheadBytes;
    if (bytes > bytes_left_) {
      return MakeError(absl::StatusCode::kResourceExhausted,
                       ErrorReason::kResponseTooLarge,
                       "the answer would be larger than one message may be; "
                       "ask for fewer keys at a time");
    }
    bytes_left_ -= bytes;
    return absl::OkStatus();
  }

 private:
  // Tags, lengths, version, expiry and flags of an entry in an answer, at most.
  static constexpr size_t kEntryOverheadBytes = 64;

  size_t bytes_left_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_RESULT_BUDGET_H_
