// The model: what the contract (proto/latchkey/v1/cache.proto) says that a
// request does to a state and what is answered, one request after another, with
// no locks, shards or time.
//
// It is written from the contract and shares no code with the server, so that
// a mistake must be made twice to go unseen.  Of expiry it knows only whether
// there is one: an answer that it makes has kSomeTime for each time.
//
// Thread safety: an instance belongs to one thread.
//
// Example:
//   ModelChanges changes(state);
//   v1::PutResponse expected;
//   const auto error = Execute(request, version, &changes, &expected);
//   if (!error) ... // The answer must be `expected`; `changes` is the commit.

#ifndef LATCHKEY_CLIENT_VERIFY_MODEL_H_
#define LATCHKEY_CLIENT_VERIFY_MODEL_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/verify/history.h"
#include "latchkey/v1/cache.pb.h"

namespace latchkey::verify {

struct ModelEntry {
  std::string value;
  uint64_t version = 0;
  uint32_t flags = 0;
  // Whether it expires at some time.
  bool expires = false;
};

// The state of all keys at one moment.
class ModelState {
 public:
  virtual ~ModelState() = default;
  // Null where the key is missing.
  virtual const ModelEntry* Find(std::string_view key) const = 0;
};

// What one request does to a state, which is left alone.
class ModelChanges {
 public:
  // An entry, or its absence.
  using Change = std::pair<std::string_view, std::optional<ModelEntry>>;

  explicit ModelChanges(const ModelState& base) : base_(base) {}

  const ModelEntry* Find(std::string_view key) const;
  // `key` outlives this object.
  void Set(std::string_view key, ModelEntry entry);
  void Remove(std::string_view key);
  void Undo() { changes_.clear(); }

  // Each key once.  Not empty where the request was a commit.
  const std::vector<Change>& all() const { return changes_; }

 private:
  const ModelState& base_;
  std::vector<Change> changes_;
};

// Why a request is refused.
struct ModelError {
  // A name of latchkey.v1.ErrorReason.
  std::string_view reason;
  // PRECONDITION_FAILED and KEY_EXISTS only; 0 for a missing key.
  std::optional<uint64_t> current_version;
  // Which operation of a batch or transaction.
  std::optional<int> index;

  bool operator==(const ModelError&) const = default;
};

// The code of an error of `reason`, as "ABORTED".
std::string_view CodeOf(std::string_view reason);

// Whether `actual` can be `expected`.  What `actual` does not say fits
// anything.
bool Fits(const ModelError& expected, const EventError& actual);

// What the answers that the model makes have for a time.
inline constexpr int64_t kSomeTime = 1;

// Executes `request` as the commit `version`, or as one that may change
// nothing.  Makes the answer, or returns why there is none; `changes` is then
// of no use.
//
// `response` is empty.  Keys in `changes` are those of `request`.
using Refusal = std::optional<ModelError>;
Refusal Execute(const v1::GetRequest& request, uint64_t version,
                ModelChanges* changes, v1::GetResponse* response);
Refusal Execute(const v1::BatchGetRequest& request, uint64_t version,
                ModelChanges* changes, v1::BatchGetResponse* response);
Refusal Execute(const v1::PutRequest& request, uint64_t version,
                ModelChanges* changes, v1::PutResponse* response);
Refusal Execute(const v1::BatchPutRequest& request, uint64_t version,
                ModelChanges* changes, v1::BatchPutResponse* response);
Refusal Execute(const v1::DeleteRequest& request, uint64_t version,
                ModelChanges* changes, v1::DeleteResponse* response);
Refusal Execute(const v1::BatchDeleteRequest& request, uint64_t version,
                ModelChanges* changes, v1::BatchDeleteResponse* response);
Refusal Execute(const v1::IncrementRequest& request, uint64_t version,
                ModelChanges* changes, v1::IncrementResponse* response);
Refusal Execute(const v1::TouchRequest& request, uint64_t version,
                ModelChanges* changes, v1::TouchResponse* response);
Refusal Execute(const v1::MoveRequest& request, uint64_t version,
                ModelChanges* changes, v1::MoveResponse* response);
Refusal Execute(const v1::TransferRequest& request, uint64_t version,
                ModelChanges* changes, v1::TransferResponse* response);
Refusal Execute(const v1::TransactRequest& request, uint64_t version,
                ModelChanges* changes, v1::TransactResponse* response);

// Gives each time in an answer kSomeTime, so that it can be compared with one
// that the model made.
void ForgetTimes(v1::GetResponse* response);
void ForgetTimes(v1::BatchGetResponse* response);
void ForgetTimes(v1::PutResponse* response);
void ForgetTimes(v1::BatchPutResponse* response);
void ForgetTimes(v1::DeleteResponse* response);
void ForgetTimes(v1::BatchDeleteResponse* response);
void ForgetTimes(v1::IncrementResponse* response);
void ForgetTimes(v1::TouchResponse* response);
void ForgetTimes(v1::MoveResponse* response);
void ForgetTimes(v1::TransferResponse* response);
void ForgetTimes(v1::TransactResponse* response);

}  // namespace latchkey::verify

#endif  // LATCHKEY_CLIENT_VERIFY_MODEL_H_
