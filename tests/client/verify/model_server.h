// ModelServer is a whole server in memory: every unary RPC, executed one after
// another by the model of client/verify, with idempotency keys and GetOutcome.
// It can be told to do one thing wrong, now and then.
//
// Thread safety: an instance belongs to one thread.

#ifndef LATCHKEY_TESTS_CLIENT_VERIFY_MODEL_SERVER_H_
#define LATCHKEY_TESTS_CLIENT_VERIFY_MODEL_SERVER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "client/verify/history.h"
#include "client/verify/messages.h"
#include "client/verify/model.h"

namespace latchkey::verify {

enum class Fault {
  kNone,
  // A Get shows the entry before the last write.
  kStaleRead,
  // An atomic read shows one entry as it was before the last write.
  kTornRead,
  // A write is acknowledged, with a version, and not made.
  kLosesWrites,
  // A Move leaves its source behind.
  kHalvesMoves,
  // A write takes effect twice.
  kAppliesTwice,
  // A precondition is not looked at.
  kIgnoresPreconditions,
  // What became of a write is not kept.
  kForgetsRecords,
  // A used key with another request is answered as the first one was.
  kIgnoresFingerprints,
  // A replay is the answer to another write.
  kReplaysAnother,
  // A write is made and then denied.
  kDeniesWrites,
  // Two writes get the same version.
  kSharesVersions,
  // Two writes get each other's version.
  kSwapsVersions,
  // A version is left out.
  kSkipsVersions,
  // An entry of an answer has another value.
  kAltersAnswers,
  // A write of flags is not made.
  kLosesFlags,
};

class ModelServer {
 public:
  struct Answer {
    std::optional<EventError> error;
    std::string response;
    bool replayed = false;
  };

  // Does wrong on each `every`-th occasion.
  explicit ModelServer(Fault fault = Fault::kNone, uint64_t every = 20)
      : fault_(fault), every_(every) {}

  Answer Handle(Method method, const std::string& request);

  // Forgets everything, as a new process does.
  void Restart();

  size_t size() const { return state_.entries.size(); }
  uint64_t writes() const { return writes_; }

 private:
  struct MapState final : ModelState {
    const ModelEntry* Find(std::string_view key) const override {
      const auto found = entries.find(key);
      return found == entries.end() ? nullptr : &found->second;
    }
    std::map<std::string, ModelEntry, std::less<>> entries;
  };

  struct Record {
    Method method;
    std::string request;
    // Nothing: a tombstone.
    std::optional<Answer> answer;
  };

  bool Wrong(Fault fault);
  Answer GetOutcome(const v1::GetOutcomeRequest& request);
  Answer Write(Method method, const std::string& bytes);
  Answer Run(Method method, const std::string& bytes);
  template <typename Types>
  Answer RunTyped(Method method);
  template <typename Request>
  void Distort(Request* request);
  template <typename Response>
  void DistortAnswer(Response* response);
  void Commit(const ModelChanges& changes, Method method);
  uint64_t NextVersion();

  const Fault fault_;
  const uint64_t every_;
  uint64_t occasions_ = 0;

  MapState state_;
  // What was there before the last write of a key.
  MapState before_;
  uint64_t version_ = 1'000'000;
  // To be given next, where versions are swapped.
  uint64_t owed_version_ = 0;
  uint64_t writes_ = 0;
  std::map<std::string, Record> ledger_;
  EventMessages messages_;
};

}  // namespace latchkey::verify

#endif  // LATCHKEY_TESTS_CLIENT_VERIFY_MODEL_SERVER_H_
