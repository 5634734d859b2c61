// RandomTransactions makes writes of every form and kind over a few keys, so
// that they collide; about as many succeed as fail.  The same seed makes the
// same writes, as long as `peek` says the same.
//
// Thread safety: an instance belongs to one thread.  What it made refers to its
// memory and lives as long as it does.

#ifndef LATCHKEY_TESTS_SERVER_STORE_RANDOM_TRANSACTIONS_H_
#define LATCHKEY_TESTS_SERVER_STORE_RANDOM_TRANSACTIONS_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/clock.h"
#include "server/store/entry.h"
#include "server/store/operations.h"

namespace latchkey {

// A transaction with the lists that it refers to.
struct OwnedTransaction {
  Transaction::Form form = Transaction::Form::kSingle;
  std::string_view batch_field = {};
  std::vector<Compare> compares = {};
  std::vector<Operation> on_success = {};
  std::vector<Operation> on_failure = {};

  Transaction View() const {
    return {.form = form,
            .batch_field = batch_field,
            .compares = compares,
            .on_success = on_success,
            .on_failure = on_failure};
  }
};

class RandomTransactions {
 public:
  // What a key holds now, so that demands hold as often as not; null for a
  // missing key.
  using Peek = std::function<EntryRef(std::string_view key)>;

  // `keys` must outlive the instance.
  RandomTransactions(uint64_t seed, const std::vector<std::string>& keys,
                     Peek peek)
      : engine_(seed), keys_(keys), peek_(std::move(peek)) {}

  // A write that may happen at `now`: it asks for instants around that.
  OwnedTransaction Next(UnixNanos now);

  // A read of one key, and the keys of a larger one.
  GetOperation NextGet();
  std::vector<std::string_view> NextKeys(size_t count_max);

  // A length of time between none and a few times a ttl, in steps that make
  // exact hits of an expiry likely.
  Nanos NextPause();

  // 0 ... bound - 1.
  uint64_t Draw(uint64_t bound) { return engine_() % bound; }
  bool OneIn(uint64_t n) { return Draw(n) == 0; }

 private:
  std::string_view Key() { return keys_[Draw(keys_.size())]; }
  std::string_view OtherKey(std::string_view than);
  std::string_view Value();
  Precondition Demand(std::string_view key);
  Expiration When();
  Operation Any();
  PutOperation Put(std::string_view key);
  DeleteOperation Delete(std::string_view key);
  IncrementOperation Increment();
  MoveOperation Move();
  TransferOperation Transfer();
  std::vector<Operation> Some();
  OwnedTransaction Batch();

  std::mt19937_64 engine_;
  const std::vector<std::string>& keys_;
  const Peek peek_;
  UnixNanos now_ = 0;
  // Values that demands named.
  std::deque<std::string> values_;
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SERVER_STORE_RANDOM_TRANSACTIONS_H_
