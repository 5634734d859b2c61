// StoreTest is a store on a clock that the test moves, and a small language to
// talk with it, so that a test reads as a session:
//
//   Put("k", "v", Ttl(10_ms));
//   Advance(10_ms);
//   ExpectMissing("k");
//   ExpectError(Do(MoveOperation{"k", "m"}), absl::StatusCode::kNotFound,
//               ErrorReason::kKeyNotFound);
//
// Put, Delete, Increment, Touch, Move and Transfer demand success; Do, Batch
// and Transact return whatever came.
//
// Thread safety: a fixture belongs to the thread of its test; store() is what
// it is.

#ifndef LATCHKEY_TESTS_SERVER_STORE_STORE_FIXTURE_H_
#define LATCHKEY_TESTS_SERVER_STORE_STORE_FIXTURE_H_

#include <gtest/gtest.h>

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "server/base/error.h"
#include "server/runtime/deadline.h"
#include "server/store/operations.h"
#include "server/store/store.h"
#include "tests/support/fake_clock.h"

namespace latchkey {

constexpr Nanos operator""_ns(unsigned long long n) {
  return static_cast<Nanos>(n);
}
constexpr Nanos operator""_ms(unsigned long long n) {
  return static_cast<Nanos>(n) * kNanosPerMilli;
}

inline Expiration Never() { return {}; }
inline Expiration Ttl(Nanos ttl) {
  return {.kind = Expiration::Kind::kTtl, .ttl = ttl};
}
inline Expiration At(UnixNanos at) {
  return {.kind = Expiration::Kind::kAt, .at = at};
}
inline Expiration Keep() { return {.kind = Expiration::Kind::kKeep}; }

inline Precondition NoDemand() { return {}; }
inline Precondition Exists() { return {.kind = Precondition::Kind::kExists}; }
inline Precondition Missing() { return {.kind = Precondition::Kind::kMissing}; }
inline Precondition VersionIs(uint64_t version) {
  return {.kind = Precondition::Kind::kVersion, .version = version};
}
inline Precondition ValueIs(std::string_view value) {
  return {.kind = Precondition::Kind::kValue, .value = value};
}

using WriteResult = absl::StatusOr<TransactionResult>;

// The answer of operation `index` of a write that succeeded.
template <typename Result>
const Result& ResultOf(const WriteResult& written, size_t index = 0) {
  return std::get<Result>(written.value().results.at(index));
}

// The metadata value of `name` in an error, or "(none)".
std::string MetadataOf(const absl::Status& status, std::string_view name);

// Expects an error of this code and reason.
void ExpectError(const absl::Status& status, absl::StatusCode code,
                 ErrorReason reason);
template <typename T>
void ExpectError(const absl::StatusOr<T>& result, absl::StatusCode code,
                 ErrorReason reason) {
  ExpectError(result.status(), code, reason);
}

class StoreTest : public ::testing::Test {
 protected:
  // Where the fake clock begins: a whole microsecond.
  static constexpr UnixNanos kStart = 1'700'000'000 * kNanosPerSecond;
  static constexpr uint64_t kSeed = 1;

  explicit StoreTest(const StoreOptions& options = {});

  Store& store() { return *store_; }
  FakeClock& clock() { return clock_; }
  UnixNanos Now() { return clock_.Now(); }
  void Advance(Nanos duration) { clock_.Advance(duration); }

  // A token that does not end.
  DeadlineToken token() const { return endless_.token(); }

  // Writes that must succeed.  They return the version of the commit.
  uint64_t Put(std::string_view key, std::string_view value,
               Expiration expiration = {});
  uint64_t PutWithFlags(std::string_view key, std::string_view value,
                        uint32_t flags, Expiration expiration = {});
  uint64_t Delete(std::string_view key);
  uint64_t Touch(std::string_view key, Expiration expiration);
  uint64_t Move(std::string_view source, std::string_view destination);

  // Those that return what the counter then holds.
  int64_t Increment(std::string_view key, int64_t delta);
  TransferResult Transfer(std::string_view source, std::string_view destination,
                          int64_t amount);

  // One operation, a batch, or a transaction, whatever comes of it.
  WriteResult Do(const Operation& operation);
  WriteResult Batch(std::string_view field,
                    std::initializer_list<Operation> operations);
  WriteResult Transact(std::initializer_list<Operation> on_success);
  WriteResult Transact(std::initializer_list<Compare> compares,
                       std::initializer_list<Operation> on_success,
                       std::initializer_list<Operation> on_failure);

  // Reads.
  EntryView Look(std::string_view key);
  uint64_t VersionOf(std::string_view key);
  UnixNanos ExpiryOf(std::string_view key);
  uint32_t FlagsOf(std::string_view key);
  void ExpectValue(std::string_view key, std::string_view value);
  void ExpectMissing(std::string_view key);

  // Runs `write`, which must fail, and expects that the store is as it was:
  // no version taken, no entry more or less.
  template <typename Write>
  absl::Status ExpectNoTrace(Write write) {
    const uint64_t version = store().last_version();
    const size_t count = store().EntryCount();
    const absl::Status status = write().status();
    EXPECT_FALSE(status.ok());
    EXPECT_EQ(store().last_version(), version);
    EXPECT_EQ(store().EntryCount(), count);
    return status;
  }

 private:
  FakeClock clock_{kStart};
  DeadlineSource endless_{kNever};
  std::unique_ptr<Store> store_;
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SERVER_STORE_STORE_FIXTURE_H_
