// History is what happened: every operation that a run sent to a server, with
// its request, its answer and the times between which it ran.  The checkers
// (verifier.h) say whether it could have happened.
//
// A write that was sent again because its outcome was open is one event, from
// its first copy to the answer that settled it.  A write that was sent again
// after it had been answered is two, with the same idempotency key.
//
// Recording is cheap: one thread has one recorder, which copies bytes into
// large blocks.  A History holds one round of a run, and Clear() keeps nothing
// of it.
//
// Thread safety: a HistoryRecorder belongs to one thread.  The const methods of
// History, and Clear(), only while nothing is recorded.
//
// Example:
//   History history(threads);
//   history.recorder(thread).Add({.process = 7,
//                                 .method = Method::kPut,
//                                 .start = sent_at,
//                                 .end = answered_at,
//                                 .request = put.SerializeAsString(),
//                                 .response = answer});

#ifndef LATCHKEY_CLIENT_VERIFY_HISTORY_H_
#define LATCHKEY_CLIENT_VERIFY_HISTORY_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "client/verify/method.h"

namespace latchkey::verify {

enum class EventOutcome {
  // The good answer is there.
  kOk,
  // There is an error, and nothing was changed, nor will be.
  kNotApplied,
  // Nobody knows whether it took effect, and it still may.
  kUnknown,
};

// Why an operation failed, as google.rpc.ErrorInfo says it.
struct EventError {
  // The gRPC code, as "ABORTED".
  std::string code;
  // A name of latchkey.v1.ErrorReason; empty where it is not known, as when
  // GetOutcome told of the error.
  std::string reason;
  // As current_version; empty where it is not known.
  std::map<std::string, std::string> metadata;
};

// What it points to belongs to whoever made it; HistoryRecorder::Add() copies.
struct HistoryEvent {
  // Who sent it: one that does one thing after another.
  uint32_t process = 0;
  Method method = Method::kGet;
  EventOutcome outcome = EventOutcome::kOk;
  // The answer is that to an earlier copy, as the server said itself.
  bool replayed = false;
  // Copies that were sent, and those of them that were sent while an earlier
  // one was under way.
  uint32_t attempts = 1;
  uint32_t hedges = 0;
  // Nanoseconds on one monotonic clock: before the first byte was sent, after
  // the last byte of the answer was read.  `end` is not before `start`; of an
  // event with an unknown outcome it is when its sender gave up.
  int64_t start = 0;
  int64_t end = 0;
  // Of a keyed write; else empty.
  std::string_view idempotency_key;
  // The request message in wire format.  Copies of one write have the same,
  // byte for byte.
  std::string_view request;
  // The response message in wire format; empty where there is an error.
  std::string_view response;
  // Null where the outcome is kOk.
  const EventError* error = nullptr;
};

class HistoryRecorder {
 public:
  HistoryRecorder() = default;
  HistoryRecorder(const HistoryRecorder&) = delete;
  HistoryRecorder& operator=(const HistoryRecorder&) = delete;

  // Copies `event` and all it points to.
  void Add(const HistoryEvent& event);

  const std::vector<HistoryEvent>& events() const { return events_; }
  void Clear();

 private:
  std::string_view Keep(std::string_view bytes);

  std::vector<HistoryEvent> events_;
  std::deque<EventError> errors_;
  // Memory for bytes; the last block has `block_left_` bytes to spare.
  std::vector<std::unique_ptr<char[]>> blocks_;
  size_t block_left_ = 0;
};

class History {
 public:
  explicit History(size_t threads = 1);

  HistoryRecorder& recorder(size_t thread) { return *recorders_[thread]; }
  const HistoryRecorder& recorder(size_t thread) const {
    return *recorders_[thread];
  }

  size_t size() const;

  // All events, in the order of their starts.  They live until Clear().
  std::vector<const HistoryEvent*> Sorted() const;

  void Clear();

 private:
  std::vector<std::unique_ptr<HistoryRecorder>> recorders_;
};

}  // namespace latchkey::verify

#endif  // LATCHKEY_CLIENT_VERIFY_HISTORY_H_
