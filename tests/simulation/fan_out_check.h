// FanOutCheck runs work of a lane that fans out (TaskScope), while its token
// ends at any moment and children fail: all children have ended when Join()
// returns, none begins after the end of its token, and the result is that of
// the children.
//
// Thread safety: as the scheduler; an instance belongs to one fiber.

#ifndef LATCHKEY_TESTS_SIMULATION_FAN_OUT_CHECK_H_
#define LATCHKEY_TESTS_SIMULATION_FAN_OUT_CHECK_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "client/load/random.h"
#include "client/verify/violations.h"
#include "server/runtime/deadline.h"
#include "tests/simulation/life.h"
#include "tests/simulation/scheduler.h"

namespace latchkey::simulation {

namespace sort {
// A scope that ended before its children, or not as they did.
inline constexpr std::string_view kWrongFanOut = "wrong-fan-out";
}  // namespace sort

class FanOutCheck {
 public:
  FanOutCheck(uint64_t seed, uint64_t client, Scheduler& scheduler,
              verify::Violations* violations);

  // Fans out once, in the lane of `life`.
  void Run(Life& life);

 private:
  // What the children of one scope have come to.
  struct Children {
    int begun = 0;
    int ended = 0;
    int failed = 0;
  };

  void FanOut(Life& life, DeadlineToken token);
  absl::Status RunChild(Life& life, DeadlineToken token, Children* children);
  void Add(std::string what) {
    violations_.Add(sort::kWrongFanOut, std::move(what));
  }

  Scheduler& scheduler_;
  verify::Violations& violations_;
  load::Random random_;
};

}  // namespace latchkey::simulation

#endif  // LATCHKEY_TESTS_SIMULATION_FAN_OUT_CHECK_H_
