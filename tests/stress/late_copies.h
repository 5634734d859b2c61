// LateCopies keeps some acknowledged writes of a life, and sends each of them
// once more, as it was sent the first time, to the life after it: what a retry
// that was long on its way does.  Each must be refused, INCARNATION_CHANGED,
// and leave no trace.
//
// Thread safety: an instance belongs to one thread.

#ifndef LATCHKEY_TESTS_STRESS_LATE_COPIES_H_
#define LATCHKEY_TESTS_STRESS_LATE_COPIES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "client/verify/method.h"
#include "client/verify/violations.h"
#include "tests/stress/life.h"

namespace latchkey::stress {

class LateCopies {
 public:
  // Kept of each life.
  static constexpr size_t kCopiesMax = 16;

  // Takes a write that was acknowledged.  It must not be sent again by others.
  void Keep(verify::Method method, std::string request);

  // Sends all to `next`, with `stamp`, of the life that they were acknowledged
  // in, and reads what they would have written.  Forgets them then.  Returns
  // how many were refused as they must be.
  //
  // REQUIRES: nothing else has been written to `next`.
  uint64_t SendTo(Life& next, const std::string& stamp,
                  verify::Violations* violations);

 private:
  struct Write {
    verify::Method method;
    std::string request;
  };

  std::vector<Write> writes_;
};

}  // namespace latchkey::stress

#endif  // LATCHKEY_TESTS_STRESS_LATE_COPIES_H_
