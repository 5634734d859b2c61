// Answers and requests as text, so that what the store said and what the model
// said are compared, and read in a failure, as one line each.
//
// Thread safety: free functions, no shared state.

#ifndef LATCHKEY_TESTS_SERVER_STORE_ANSWER_TEXT_H_
#define LATCHKEY_TESTS_SERVER_STORE_ANSWER_TEXT_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/clock.h"
#include "server/base/error.h"
#include "server/store/operations.h"

namespace latchkey {

// "k=v@7 flags=1 expires=never".
std::string EntryText(std::string_view key, std::string_view value,
                      uint64_t version, uint32_t flags, UnixNanos expire_time);

// One line for each kind of answer.  `entry` is an EntryText, or empty.
std::string GetText(const std::string& entry, bool not_modified,
                    UnixNanos touched_expire_time);
std::string PutText(UnixNanos expire_time, const std::string& previous);
std::string DeleteText(bool deleted, const std::string& previous);
std::string IncrementText(int64_t value);
std::string TouchText(bool touched, UnixNanos expire_time);
std::string MoveText(UnixNanos expire_time);
std::string TransferText(int64_t source, int64_t destination);

// "ABORTED PRECONDITION_FAILED field= current_version=7 index=0".
std::string ErrorText(absl::StatusCode code, const ErrorDetails& details);

// The answers of the store.
std::string AnswerText(const absl::StatusOr<TransactionResult>& answer);
std::string AnswerText(const absl::StatusOr<BatchGetResult>& answer);
std::string AnswerText(const absl::StatusOr<GetResult>& answer);

// A request, for a failure's message.
std::string RequestText(const Transaction& transaction);

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SERVER_STORE_ANSWER_TEXT_H_
