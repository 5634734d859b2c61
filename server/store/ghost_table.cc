#include "server/store/ghost_table.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace latchkey {

size_t GhostTable::SlotsFor(size_t ghosts) {
  constexpr size_t kSteps = 4;
  const size_t step = std::max(kSet, std::bit_floor(ghosts) / kSteps);
  return (ghosts + step - 1) / step * step;
}

void GhostTable::Resize(size_t slots) {
  // Older than any window.
  const Ghost none = {0, now_ - (uint32_t{1} << 31)};
  const std::vector<Ghost> before =
      std::exchange(ghosts_, std::vector<Ghost>(slots, none));
  if (before.size() > kKeptMax) return;
  for (const Ghost& ghost : before) {
    if (AgeOf(ghost) < before.size()) Insert(ghost);
  }
}

void GhostTable::Add(uint32_t fingerprint) {
  ++now_;
  Insert({fingerprint, now_});
}

void GhostTable::Insert(const Ghost& ghost) {
  Ghost* const set = SetOf(ghost.fingerprint);
  *std::max_element(set, set + kSet, [this](const Ghost& a, const Ghost& b) {
    return AgeOf(a) < AgeOf(b);
  }) = ghost;
}

bool GhostTable::Take(uint32_t fingerprint, size_t window) {
  if (ghosts_.empty()) return false;
  Ghost* const set = SetOf(fingerprint);
  for (Ghost* ghost = set; ghost != set + kSet; ++ghost) {
    if (ghost->fingerprint != fingerprint || AgeOf(*ghost) >= window) continue;
    ghost->time = now_ - (uint32_t{1} << 31);
    return true;
  }
  return false;
}

}  // namespace latchkey
