// CallLoop keeps the slots of a port at work: it sends operations, waits for
// what became of them, settles those whose outcome is open, and hands every one
// that has ended to the LifeRecord.
//
// A write whose outcome is unknown is settled by GetOutcome with a fence, asked
// until it is answered: then it was done, or never will be.  While the server
// is gone that goes on, into its next life, which can only tell of itself.
//
// Thread safety: an instance belongs to one thread.
//
// Example:
//   loop.SetLife(1, &maker);
//   loop.StartLoading();
//   while (loop.totals().writes < 1000) loop.Step(load::kForever);
//   loop.StopLoading();
//   while (!loop.quiet()) loop.Step(load::kForever);

#ifndef LATCHKEY_TESTS_STRESS_CALL_LOOP_H_
#define LATCHKEY_TESTS_STRESS_CALL_LOOP_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <vector>

#include "client/load/engine.h"
#include "client/verify/history.h"
#include "tests/stress/life_record.h"
#include "tests/stress/operation_maker.h"

namespace latchkey::stress {

struct CallTotals {
  // Operations that ended.
  uint64_t operations = 0;
  // Writes that were acknowledged; their copies are not counted here.
  uint64_t writes = 0;
  // Acknowledged writes that were sent once more, and were answered.
  uint64_t copies = 0;
  // Answers that the server called replays.
  uint64_t replays = 0;
  // Calls that the client sent again, and copies that it sent beside others.
  uint64_t retried = 0;
  uint64_t hedges = 0;
  // Writes whose outcome was not known when their call ended; of these, those
  // that GetOutcome found done, and made sure that they never will be.
  uint64_t unknown = 0;
  uint64_t settled_done = 0;
  uint64_t settled_not_applied = 0;
  // Calls of one life that were refused by the next.
  uint64_t refused_under_way = 0;
};

class CallLoop {
 public:
  // `port` has `slots` slots.  Both and `record` outlive the loop.
  CallLoop(load::CallPort& port, size_t slots, LifeRecord& record,
           uint64_t seed);

  // Operations from now on are of life `number` and come from `maker`.  Those
  // under way go on, and the life before is where they are open.
  void SetLife(uint64_t number, OperationMaker* maker);

  // Every slot begins its next operation when its last one has ended; until
  // StopLoading(), when they only end what they have begun.
  void StartLoading();
  void StopLoading() { loading_ = false; }

  // Operations to be made instead, each until it has been answered.
  void Make(std::vector<Operation> reads);

  // Waits for an answer, or until `until`.
  void Step(load::Nanos until);

  // Whether nothing is under way.
  bool quiet() const { return busy_ == 0; }

  // Writes that were begun and have not ended.
  std::vector<OpenWrite> OpenWrites() const;

  // What is under way, a line for each slot at work, for messages.
  std::string UnderWay() const;

  // Acknowledged writes that may be sent once more, since the last call.
  std::vector<Operation> TakeCopyable();

  const CallTotals& totals() const { return totals_; }
  load::Nanos last_answer() const { return last_answer_; }

 private:
  enum class Doing { kNothing, kOperation, kSettling, kResting };

  struct Slot {
    Doing doing = Doing::kNothing;
    // What to do after the rest: settle, or something new.
    bool open = false;
    Operation operation;
    std::string request;
    // A write that was acknowledged before.
    bool copy = false;
    // Must be repeated until it is answered.
    bool must_be_answered = false;
    // That it was begun in, or was open in at its kill, and that its last call
    // was begun in.
    uint64_t life = 0;
    uint64_t call_life = 0;
    load::Nanos start = 0;
    load::Nanos rest_until = 0;
    int attempts = 1;
    int hedges = 0;
    // Why the outcome is open.
    verify::EventError error;
  };

  void Begin(size_t slot);
  void BeginOperation(size_t slot, Operation operation);
  void Settle(size_t slot);
  void Rest(size_t slot);
  void WakeRested();

  void OnAnswer(size_t slot, const load::Completion& completion);
  void OnSettled(size_t slot, const load::Completion& completion);
  // The operation has ended with `event`; what it points to must live as long
  // as this call.
  void End(size_t slot, const verify::HistoryEvent& event);
  verify::HistoryEvent EventOf(size_t slot, load::Nanos end) const;

  // Constant after construction.
  load::CallPort& port_;
  LifeRecord& record_;

  std::mt19937_64 random_;
  std::vector<Slot> slots_;
  size_t busy_ = 0;
  bool loading_ = false;
  std::deque<Operation> to_make_;

  uint64_t life_ = 0;
  OperationMaker* maker_ = nullptr;

  std::vector<Operation> copyable_;
  // Slots that rest, in the order of their ends.
  std::deque<size_t> resting_;
  CallTotals totals_;
  load::Nanos last_answer_ = 0;
};

}  // namespace latchkey::stress

#endif  // LATCHKEY_TESTS_STRESS_CALL_LOOP_H_
