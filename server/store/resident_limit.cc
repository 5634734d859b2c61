#include "server/store/resident_limit.h"

#include <algorithm>

namespace latchkey {
namespace {

// What is usable changes by so much in one look: downwards fast enough for a
// machine that fills its limit within a second or two, upwards so slowly that
// the allocator can use what was freed before more comes.
constexpr size_t kDownPart = 32;
constexpr size_t kUpPart = 512;

// What the allocator may lose, and what connections may take.
constexpr size_t kLossPart = 20;
constexpr size_t kOtherBytes = 16 * 1024 * 1024;

}  // namespace

ResidentLimit::ResidentLimit(MemoryBudget& budget, size_t before)
    : budget_(budget),
      soft_max_(before + budget.bytes_max() + budget.bytes_max() / kLossPart +
                kOtherBytes) {}

void ResidentLimit::Look(size_t resident) {
  if (resident == 0) return;
  const size_t all = budget_.bytes_max();
  const size_t usable = budget_.usable();
  if (resident > soft_max_) {
    const size_t step = std::min(resident - soft_max_, all / kDownPart);
    const size_t from = std::min(usable, budget_.used());
    budget_.SetUsable(std::max(usable_min(), from - std::min(from, step)));
  } else {
    const size_t step = std::min(soft_max_ - resident, all / kUpPart);
    budget_.SetUsable(std::min(all, usable + step));
  }
}

}  // namespace latchkey
