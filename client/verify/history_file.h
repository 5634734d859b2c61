// A history, key by key, as JSON lines, for checkers of linearizability that
// are written in other languages.
//
// One line says what one event did to one key.  Keys are independent of each
// other: the lines of one key, in the order of the file, are those of a
// register that can also count.
//
//   {"client":3,"call":123,"return":456,"key":"k1","read":"v1","write":"v2",
//    "outcome":"ok"}
//
// Fields, absent where they say nothing:
//
//   client    number: who sent it; one thing after another
//   call      nanoseconds: the event took effect after this
//   return    nanoseconds: and before this
//   key       which key
//   exists    true or false: whether the key existed, where no more is known
//   read      the value that the key had; null: it was missing
//   write     the value that it has then; null: it is missing
//   add       number: what is added to the counter
//   initial   number: what a missing counter starts from, before `add`
//   result    the value that the key has afterwards
//   outcome   "ok"       it took effect, once, between call and return
//             "no"       it did not take effect and never will; what it says
//                        of the key (`exists`, `read`) was so between call and
//                        return
//             "unknown"  it took effect once at any time after `call`, or never
//
// What a line means, in this order:
//
//   1. `exists` and `read` must be so of the key's state.  Of an unknown event
//      they are a guard: it takes effect only where they are so, and else does
//      nothing.
//   2. `write`: the state becomes it.
//   3. `add`: the counter becomes its old value and `add`; a missing one starts
//      from `initial`, and without `initial` there is no effect (unknown) or no
//      such history (ok).
//   4. `result`: the state must be equal to it.  Not given of unknown events.
//
// Values are strings, counters as their decimal text.  A value or key that is
// no printable ASCII, or begins with "base64:", is written as "base64:" and its
// bytes in base64.
//
// What one event did to several keys becomes several lines, which together say
// less than the event did: what binds the keys together is SerialChecker's to
// judge.  Copies of a write that were answered alike are one.
//
// A Move does not tell what it moved.  From the round on in which a key was
// written with what nobody knows, it is left out.  So an unknown event is two
// lines of one key where it could have done one thing or another.
//
// Thread safety: an instance belongs to one thread.

#ifndef LATCHKEY_CLIENT_VERIFY_HISTORY_FILE_H_
#define LATCHKEY_CLIENT_VERIFY_HISTORY_FILE_H_

#include <ostream>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "client/verify/key_effects.h"
#include "client/verify/round.h"

namespace latchkey::verify {

class HistoryFile {
 public:
  // `out` outlives this object.
  explicit HistoryFile(std::ostream& out) : out_(out) {}

  // Appends the lines of a round, in the order of their calls.
  void Write(const Round& round);

 private:
  struct Line {
    LogicalOperation operation;
    std::string_view outcome;
    KeyEffect effect;
  };

  void AddLines(const std::vector<LogicalOperation>& operations,
                std::vector<Line>* lines);
  void WriteLine(const Line& line);

  std::ostream& out_;
  EventMessages messages_;
  // Keys that are left out.
  std::set<std::string, std::less<>> opaque_;
};

}  // namespace latchkey::verify

#endif  // LATCHKEY_CLIENT_VERIFY_HISTORY_FILE_H_
