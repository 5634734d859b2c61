// The rows of the contract's table of bad input, for every RPC that each can
// come to.

#ifndef LATCHKEY_TESTS_SERVER_SERVICE_VALIDATION_ROWS_H_
#define LATCHKEY_TESTS_SERVER_SERVICE_VALIDATION_ROWS_H_

#include <cstdint>
#include <string>
#include <vector>

namespace latchkey {

// Whether an RPC is a write, whose errors say `applied`.
enum class Kind { kRead, kWrite };
inline constexpr Kind kRead = Kind::kRead;
inline constexpr Kind kWrite = Kind::kWrite;

struct BadRow {
  std::string method;
  std::string request;
  std::string reason;
  std::string field;
  Kind kind;
  // Metadata `index`; empty: there is none.
  std::string index = "";
};

// When the rows are for, in seconds since 1970.
inline constexpr int64_t kRowsNowSeconds = 1'700'000'000;

// 100 years of 365.25 days.
inline constexpr int64_t kExpirationMaxSeconds = 3'155'760'000;

// `count` bytes.
std::string Bytes(size_t count);

// INVALID_KEY: every field that holds a key, empty and too long.
std::vector<BadRow> KeyRows();

// VALUE_TOO_LARGE.
std::vector<BadRow> ValueRows();

// INVALID_EXPIRATION: every way to be bad, in every place.  There must be a
// counter at "k".
std::vector<BadRow> ExpirationRows();

// TOO_MANY_OPERATIONS.
std::vector<BadRow> CountRows();

// INVALID_FIELD.
std::vector<BadRow> FieldRows();

// DUPLICATE_KEY and INVALID_IDEMPOTENCY_KEY.
std::vector<BadRow> DuplicateKeyRows();
std::vector<BadRow> IdempotencyKeyRows();

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SERVER_SERVICE_VALIDATION_ROWS_H_
