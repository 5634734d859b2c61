// VerifyWorkload sends operations, records what became of each, and leaves no
// question open:
//
//   - a write with an unknown outcome goes on with GetOutcome, with its fence,
//     again and again until the server says what became of it; the event ends
//     then, with the answer that the server kept;
//   - where it says that such a write was not applied, the sentinel
//     (verify_requests.h) shows whether it is the server that the write was
//     sent to, or one that has lost everything;
//   - some writes that were answered are sent once more with the same key;
//   - some keys that were used come with another request.
//
// What cannot be settled, because the server has started anew or is gone for
// kSettlePatience, is recorded as unknown.
//
// The operations are those of VerifyRequests or a list; one of a list that was
// not answered well is tried again until it is, for as long.
//
// It needs an engine that gives each write an idempotency key (ClientEngine).
//
// Thread safety: an instance belongs to one thread.  The threads of a run share
// VerifyProgress, which is safe by itself.

#ifndef LATCHKEY_CLIENT_LOAD_VERIFY_WORKLOAD_H_
#define LATCHKEY_CLIENT_LOAD_VERIFY_WORKLOAD_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/load/random.h"
#include "client/load/verify_requests.h"
#include "client/load/workload.h"
#include "client/verify/history.h"

namespace latchkey::load {

// How long an outcome is asked for, and how often.
inline constexpr Nanos kSettlePatience = 60 * kNanosPerSecond;
inline constexpr Nanos kSettleRest = 50 * kNanosPerMilli;

// One answered write in so many is sent again, or its key is used again.
inline constexpr uint64_t kCopyOneIn = 16;
inline constexpr uint64_t kReuseOneIn = 64;

// What the threads of a run have found out together.
//
// Thread safety: words that stand for themselves; relaxed accesses are enough.
struct VerifyProgress {
  // The server said that it has lost what it knew; no operation begins any
  // more.
  std::atomic<bool> restarted = false;
  // Unknown outcomes that GetOutcome settled.
  std::atomic<uint64_t> settled = 0;
};

// A request of a list.
struct ListedRequest {
  Method method = Method::kGet;
  std::string bytes;
};

struct VerifyWorkloadOptions {
  uint64_t seed = 1;
  // The history's number of slot 0.
  uint32_t first_process = 0;
  // The operations; nothing: those of VerifyRequests.
  std::optional<std::vector<ListedRequest>> list;
};

class VerifyWorkload final : public Workload {
 public:
  // All outlive this object.  `clock` is the thread's port.
  VerifyWorkload(VerifyRequests& requests, verify::HistoryRecorder& recorder,
                 VerifyProgress& progress, CallPort& clock, size_t slots,
                 VerifyWorkloadOptions options);

  std::optional<Call> Begin(size_t slot) override;
  Step Continue(size_t slot, const Completion& completion,
                Tally& tally) override;
  Call Resume(size_t slot) override;

 private:
  enum class Stage { kFirst, kSettling, kSentinel, kCopy, kReuse };

  struct Slot {
    Stage stage = Stage::kFirst;
    // What `stage` has sent and found out.
    verify::HistoryEvent event;
    verify::EventError error;
    // Own the bytes that `event` points to.
    std::string request;
    std::string key;
    // Goes with the key.
    std::string stamp;
    // When it began, and when its outcome became unknown.
    Nanos begun = 0;
    Nanos unknown_since = 0;
    // The operation's.
    Method method = Method::kGet;
    bool ok = false;
  };

  Call Start(Slot* slot, Method method, std::string_view request);
  Call AskOutcome(const Slot& slot);
  // What follows when the first event is settled one way or the other.
  Step FollowUp(Slot* slot, Tally& tally);
  Step Settle(Slot* slot, const Completion& completion, Tally& tally);
  void LookAtSentinel(const Completion& completion);
  // Whether GetOutcome has told.
  bool TakeOutcome(Slot* slot, const Completion& completion);
  void TakeAnswer(Slot* slot, const Completion& completion);
  void Record(Slot* slot);
  void LearnFrom(const Slot& slot, std::string_view response);
  Step End(const Slot& slot) const;

  bool listed() const { return options_.list.has_value(); }

  VerifyRequests& requests_;
  verify::HistoryRecorder& recorder_;
  VerifyProgress& progress_;
  CallPort& clock_;
  const VerifyWorkloadOptions options_;
  Random random_;
  size_t next_listed_ = 0;
  std::vector<Slot> slots_;
  // Used again and again.
  v1::GetRequest sentinel_;
  v1::GetOutcomeRequest outcome_request_;
  v1::GetOutcomeResponse outcome_;
  verify::EventMessages messages_;
};

}  // namespace latchkey::load

#endif  // LATCHKEY_CLIENT_LOAD_VERIFY_WORKLOAD_H_
