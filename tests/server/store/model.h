// Model is the store as the contract describes it, in the plainest way: one
// std::map, copied before each transaction and put back where it fails.  It
// shares no rule with server/store.
//
// Where API.md leaves the order of two errors open, the model has it so: bad
// input before the state of the key; of a Move the demand on the source, the
// source, the demand on the destination, the destination; of a Transfer missing
// keys, then values that are no counters, then bounds.
//
// Thread safety: a model belongs to one thread.

#ifndef LATCHKEY_TESTS_SERVER_STORE_MODEL_H_
#define LATCHKEY_TESTS_SERVER_STORE_MODEL_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "server/base/clock.h"
#include "server/base/error.h"
#include "server/store/operations.h"

namespace latchkey {

class Model {
 public:
  explicit Model(uint64_t last_version) : last_version_(last_version) {}

  // Runs `transaction` at `now` and returns the answer as AnswerText() has it.
  std::string Write(const Transaction& transaction, UnixNanos now);

  // What Write() would return, without a change.
  std::string Try(const Transaction& transaction, UnixNanos now) const;

  // Reads, as AnswerText() has the store's.
  std::string Get(const GetOperation& get, UnixNanos now) const;
  std::string BatchGet(std::span<const std::string_view> keys, bool atomic,
                       UnixNanos now) const;

  // Drops what has expired and returns how much that was.
  size_t Sweep(UnixNanos now);

  // How many entries there are, expired ones that were not swept included.
  size_t size() const { return entries_.size(); }

  uint64_t last_version() const { return last_version_; }

  struct Entry {
    std::string value;
    uint32_t flags = 0;
    uint64_t version = 0;
    UnixNanos expire_time = kNever;
  };

  // The entry that is alive at `now`, or nullptr.
  const Entry* Find(std::string_view key, UnixNanos now) const;

 private:
  std::map<std::string, Entry, std::less<>> entries_;
  uint64_t last_version_;
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SERVER_STORE_MODEL_H_
