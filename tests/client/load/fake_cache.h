// FakeCache answers the RPCs that a load run uses, from a std::map, and can be
// told to lie.
//
// Thread safety: all methods may be called from any thread.

#ifndef LATCHKEY_TESTS_CLIENT_LOAD_FAKE_CACHE_H_
#define LATCHKEY_TESTS_CLIENT_LOAD_FAKE_CACHE_H_

#include <grpcpp/support/status.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "client/load/engine.h"
#include "latchkey/v1/cache.pb.h"

namespace latchkey::load {

enum class Lie {
  kNone,
  // A read shows a value with one bit flipped.
  kFlipsABit,
  // A read shows the value of another key.
  kSwapsValues,
  // A read shows a right value under another key.
  kSwapsKeys,
  // A read finds nothing.
  kMisses,
  // A write is acknowledged and not made.
  kLosesWrites,
  // A transfer is acknowledged and not made.
  kLosesTransfers,
  // A transfer takes and does not give.
  kHalvesTransfers,
  // A transfer is made twice.
  kDoublesTransfers,
  // An atomic read shows one account as it was before its last transfer.
  kTearsAtomicReads,
  // No lie: a transfer is made, but the answer is lost.
  kLosesTransferAnswers,
  // No lie: a write is refused.
  kRefusesWrites,
  // An answer is no message at all.
  kSendsGarbage,
};

class FakeCache {
 public:
  // Lies on each `lie_every`-th occasion.
  explicit FakeCache(Lie lie = Lie::kNone, uint64_t lie_every = 50)
      : lie_(lie), lie_every_(lie_every) {}

  grpc::Status Get(const v1::GetRequest& request, v1::GetResponse* response);
  grpc::Status BatchGet(const v1::BatchGetRequest& request,
                        v1::BatchGetResponse* response);
  grpc::Status Put(const v1::PutRequest& request, v1::PutResponse* response);
  grpc::Status BatchPut(const v1::BatchPutRequest& request,
                        v1::BatchPutResponse* response);
  grpc::Status Transfer(const v1::TransferRequest& request,
                        v1::TransferResponse* response);

  // The same by method and bytes.
  grpc::Status Handle(Method method, const std::string& request,
                      std::string* response);

  size_t size() const { return entries_.size(); }
  size_t largest_batch() const { return largest_batch_; }
  // How many were asked for.
  uint64_t transfers() const { return transfers_; }

 private:
  struct Stored {
    std::string value;
    uint64_t version = 0;
    // What was there before the last write.
    std::string value_before;
  };

  // Whether this is an occasion to tell `lie`.
  bool LieNow(Lie lie);
  void Show(const std::string& key, v1::GetResponse* response);
  grpc::Status CheckPrecondition(const v1::PutRequest& request) const;
  void Write(const std::string& key, const std::string& value);

  const Lie lie_;
  const uint64_t lie_every_;

  // A word that stands for itself.
  std::atomic<uint64_t> transfers_ = 0;

  // Guards what follows.
  std::mutex mutex_;
  std::map<std::string, Stored> entries_;
  uint64_t version_ = 1'000;
  uint64_t occasions_ = 0;
  size_t largest_batch_ = 0;
};

}  // namespace latchkey::load

#endif  // LATCHKEY_TESTS_CLIENT_LOAD_FAKE_CACHE_H_
