// AdmissionQueue decides what waits for a thread, what runs next, and what is
// refused since there is more than can be done.  It is a policy without a
// thread: whoever runs the work offers what arrives, takes what is next and
// says how long it took.
//
// The rules:
//   1. It is bounded.
//   2. What arrives too late for its deadline is refused at once: where the
//      work that goes before it, by the smoothed time that a piece of it takes,
//      needs longer than its token has left.
//   3. What ended while it waited is not run; Take() hands it out as kEnded.
//   4. A standing queue is overload: for a whole interval it never emptied, and
//      all that was taken had waited longer than the target.  A burst is none.
//   5. In overload the newest goes first, since its client still waits for it;
//      what would wait longer than overload_delay_max is refused on arrival,
//      and what did is shed.  So what runs has almost all of its time left, and
//      who is refused knows at once.  Else the oldest goes first, which is
//      fair, and lets the cancelled leave before their turn comes.
//   6. Overload is over when nothing had to be refused for an interval.
//   7. A retry waits behind all first attempts, and for it the limits of 1, 2
//      and 5 are half as wide: its last attempt has cost the server once.
//
// Target and interval are CoDel's, of K. Nichols and V. Jacobson, "Controlling
// Queue Delay", ACM Queue 10(5), 2012; that they choose between oldest and
// newest first is of B. Maurer, "Fail at Scale", ACM Queue 13(8), 2015.
//
// Thread safety: none; an instance belongs to one thread, or to a lock of its
// owner.  It never allocates.
//
// Example:
//   switch (queue.Offer(task.item, {token, arrival, is_retry}, now)) { ... }
//   ...
//   while (AdmissionQueue::Taken taken = queue.Take(now)) {
//     if (taken.fate == AdmissionQueue::Fate::kRun) Run(*taken.item);
//   }

#ifndef LATCHKEY_SERVER_RUNTIME_ADMISSION_QUEUE_H_
#define LATCHKEY_SERVER_RUNTIME_ADMISSION_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "server/base/clock.h"
#include "server/runtime/deadline.h"

namespace latchkey {

struct AdmissionOptions {
  // What may wait.  The limits on time come first wherever work takes longer
  // than some microseconds.
  size_t items_max = 4'096;

  // How long work may wait before the queue stands; the value of CoDel.  Or an
  // eighth of the time that it came with, where that is more: who has ten
  // seconds would rather wait than be refused.
  Nanos delay_target = 5 * kNanosPerMilli;

  // How long the queue must have stood to be an overload, and how long nothing
  // must have been refused for it to be over.  Longer than a thread usually
  // loses its core for, shorter than the deadlines of a cache's clients.
  Nanos interval = 20 * kNanosPerMilli;

  // How long work may wait in an overload.  A thread that reads its sockets
  // once in a millisecond cannot promise less.
  Nanos overload_delay_max = kNanosPerMilli;

  // Threads that take from the queue.
  int servers = 1;
};

class AdmissionQueue {
 private:
  struct List;

 public:
  // What waits, as a member or base of it: the queue links these and owns none.
  class Item {
   public:
    Item() = default;

    // REQUIRES: !queued().
    ~Item();

    Item(const Item&) = delete;
    Item& operator=(const Item&) = delete;

    bool queued() const { return list_ != nullptr; }

    // When it arrived, as it was offered.
    UnixNanos arrival() const { return arrival_; }

   private:
    friend class AdmissionQueue;

    List* list_ = nullptr;
    Item* older_ = nullptr;
    Item* newer_ = nullptr;
    UnixNanos arrival_ = 0;
    std::optional<DeadlineToken> token_;
  };

  struct Request {
    DeadlineToken token;
    // When the server first knew of it.
    UnixNanos arrival;
    // Whether an attempt came before this one.
    bool retry = false;
  };

  enum class Verdict : uint8_t {
    kQueued,
    // Not queued: its token has ended.
    kEnded,
    // Refused: too many wait, it could not be done in time, or the queue
    // stands.
    kFull,
    kTooLate,
    kOverloaded,
  };

  enum class Fate : uint8_t {
    kRun,
    // Its token ended while it waited.
    kEnded,
    // It waited for longer than it may in an overload.
    kShed,
  };

  struct Taken {
    explicit operator bool() const { return item != nullptr; }

    // Null where nothing waits.
    Item* item = nullptr;
    Fate fate = Fate::kRun;
    // Where the fate is kEnded, why.
    EndReason end = EndReason::kNone;
  };

  explicit AdmissionQueue(const AdmissionOptions& options);

  // REQUIRES: is empty.
  ~AdmissionQueue();

  AdmissionQueue(const AdmissionQueue&) = delete;
  AdmissionQueue& operator=(const AdmissionQueue&) = delete;

  // Queues `item` or says why not.
  //
  // REQUIRES: `item` is not queued, and it and the source of its token outlive
  // its time in the queue.
  Verdict Offer(Item& item, const Request& request, UnixNanos now);

  // The next item, which is queued no more, and what is to become of it.
  Taken Take(UnixNanos now);

  // Takes `item` out.  REQUIRES: it is queued here.
  void Remove(Item& item);

  // One piece of work took so long on its thread.
  void CountService(Nanos time);

  // What a refused client should wait before its next attempt: until the queue
  // has drained, in overload also until that can be over, and up to twice as
  // long, spread evenly, so that those who were refused together do not come
  // back together.  At least a millisecond.
  Nanos NextPushback();

  // How long a first attempt that is offered now would wait.
  Nanos EstimatedWait() const { return WaitBehind(first_attempts_.size); }

  bool empty() const { return size() == 0; }
  size_t size() const { return first_attempts_.size + retries_.size; }
  bool overloaded() const { return overloaded_; }
  // Smoothed; 0 until there was one.
  Nanos service_time() const { return service_time_; }

 private:
  // From the oldest to the newest.
  struct List {
    Item* oldest = nullptr;
    Item* newest = nullptr;
    size_t size = 0;
  };

  Nanos WaitBehind(size_t items) const;
  Verdict Judge(const Request& request, UnixNanos now) const;
  // What must not run any more, if the oldest of `list` is that.
  Taken TakeStale(List& list, UnixNanos now);
  // Learns from an item that is about to run whether the queue stands.
  void WatchDelay(const Item& item, UnixNanos now);
  // Leaves the overload when it is over.
  void WatchRefusals(UnixNanos now);

  const AdmissionOptions options_;

  List first_attempts_;
  List retries_;
  Nanos service_time_ = 0;
  // Since when all that was taken had waited too long, or kNever.
  UnixNanos standing_since_ = kNever;
  bool overloaded_ = false;
  // Of the present overload.
  UnixNanos last_refusal_ = 0;
  // Of a pushback, in 1/1024 of it.
  int64_t spread_ = 0;
};

// UNAVAILABLE with reason OVERLOADED.  The transport adds the pushback.
absl::Status OverloadedError();

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RUNTIME_ADMISSION_QUEUE_H_
