// VerifyRequests makes the operations of a run that is verified: every RPC, on
// so few keys that everything conflicts.
//
//   data      values that are put, deleted, touched, moved inside transactions
//   movable   the same, and moved by Move
//   account   counters that amounts are transferred between
//   counter   counters with bounds, now and then made something else
//   log       counters of appends (client/verify/append_log.h); about half of
//             the writes append to one
//
// Each value that is put is put once, so that a read tells which write it saw.
// Nothing expires while a run lasts: a ttl is kVerifyTtlSeconds.
//
// Thread safety: VerifyKeys is immutable; a VerifyRequests belongs to one
// thread.
//
// Example:
//   VerifyRequests requests(keys, {.seed = 1, .thread = 0});
//   const Call call = requests.Next();
//   ...
//   for (const std::string& log : requests.TakeLogs()) ...

#ifndef LATCHKEY_CLIENT_LOAD_VERIFY_REQUESTS_H_
#define LATCHKEY_CLIENT_LOAD_VERIFY_REQUESTS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "client/load/engine.h"
#include "client/load/key_value_workload.h"
#include "client/load/random.h"
#include "client/verify/append_log.h"
#include "client/verify/messages.h"

namespace latchkey::load {

// How many keys of each sort a run has: by default so few that with some tens
// of requests at a time most meet others.
struct VerifyKeyCounts {
  // REQUIRES: data >= 2, movable >= 2, and together at least 5.
  uint64_t data = 32;
  uint64_t movable = 8;
  // REQUIRES: at least 2.
  uint64_t accounts = 16;
  // Accounts that only a transfer may create.
  uint64_t missing_accounts = 2;
  // REQUIRES: at least 1.
  uint64_t counters = 8;

  uint64_t all_accounts() const { return accounts + missing_accounts; }
};

inline constexpr int64_t kVerifyBalance = 1'000;
// 30 days.
inline constexpr int64_t kVerifyTtlSeconds = 30 * 24 * 3'600;

// The keys of a run: how many there are, and how they are spelt.
class VerifyKeys {
 public:
  // `prefix` is that of one run.
  explicit VerifyKeys(std::string prefix, const VerifyKeyCounts& counts = {})
      : prefix_(std::move(prefix)), counts_(counts) {}

  const VerifyKeyCounts& counts() const { return counts_; }

  std::string Data(uint64_t index) const { return Of("data/", index); }
  std::string Movable(uint64_t index) const { return Of("movable/", index); }
  std::string Account(uint64_t index) const { return Of("account/", index); }
  std::string Counter(uint64_t index) const { return Of("counter/", index); }
  // Written first and never again: a server that does not have it has lost
  // everything.
  std::string Sentinel() const { return prefix_ + "sentinel"; }
  // All that are not logs.
  std::vector<std::string> AllButLogs() const;
  // What logs and nothing else begin with.
  std::string LogPrefix() const { return prefix_ + "log/"; }

 private:
  std::string Of(std::string_view room, uint64_t index) const {
    return prefix_ + std::string(room) + std::to_string(index);
  }

  const std::string prefix_;
  const VerifyKeyCounts counts_;
};

struct VerifyRequestsOptions {
  uint64_t seed = 1;
  // Which thread's; the values and logs of threads differ.
  uint32_t thread = 0;
  SizeRange value_bytes = {64, 64};
};

class VerifyRequests {
 public:
  // `keys` outlives this object.
  VerifyRequests(const VerifyKeys& keys, const VerifyRequestsOptions& options);

  const VerifyKeys& keys() const { return keys_; }

  // A new operation.  The requests of this and the two below live until the
  // next call of any of them.
  Call Next();

  // The write of `request`, which is in wire format, once more.
  Call Again(Method method, std::string_view request,
             const std::string& idempotency_key);

  // Some other write under a key that was used.
  Call Reuse(const std::string& idempotency_key);

  // An answer showed that `key` has this version, for later preconditions.
  void Learn(std::string_view key, uint64_t version);

  // The logs that were appended to since the last call; none of them is
  // appended to again.
  std::vector<std::string> TakeLogs() { return logs_.TakeUsed(); }

  // The first writes of a run, which make its sentinel and its accounts.
  static v1::BatchPutRequest Setup(const VerifyKeys& keys);

 private:
  struct Known {
    std::string key;
    uint64_t version;
  };

  // An empty request of that type.
  template <typename Request>
  Request& Fresh();
  template <typename Request>
  Call Made(Method method);

  Call Get();
  Call BatchGet(bool atomic);
  Call Put();
  Call Delete();
  Call Increment();
  Call Append();
  Call Transfer();
  Call Move();
  Call Touch();
  Call BatchPut();
  Call BatchDelete();
  Call SetCounter();
  Call AppendingPut();
  Call AppendingChoice();
  Call AppendingMove();
  Call AppendingTransfer();
  Call AppendingTouch();
  Call ReadOnlyTransact();

  void FillPut(v1::PutRequest* put);
  void FillAppend(v1::IncrementRequest* increment);
  void FillPrecondition(const std::string& key, v1::Precondition* precondition);
  void FillExpiration(v1::Expiration* expiration);
  void FillTransfer(v1::TransferRequest* transfer);

  bool OneIn(uint64_t times) { return random_.Below(times) == 0; }
  std::string Value();
  // Of any key that is put.
  std::string AnyPutKey();
  // Of any key at all, but for logs.
  std::string AnyKey();
  // Different ones.
  std::vector<std::string> PutKeys(uint64_t count);
  std::string OtherThan(const std::string& key, bool movable);

  const VerifyKeys& keys_;
  const VerifyRequestsOptions options_;
  Random random_;
  verify::AppendLogNames logs_;
  uint64_t values_ = 0;
  // The latest versions that were learnt, in a ring.
  std::vector<Known> known_;
  size_t next_known_ = 0;
  // Used again and again.
  verify::EventMessages messages_;
};

}  // namespace latchkey::load

#endif  // LATCHKEY_CLIENT_LOAD_VERIFY_REQUESTS_H_
