// What a simulation draws beside whole numbers.
//
// Thread safety: no shared state.

#ifndef LATCHKEY_TESTS_SIMULATION_DRAW_H_
#define LATCHKEY_TESTS_SIMULATION_DRAW_H_

#include <cmath>
#include <cstdint>

#include "client/load/random.h"
#include "server/base/clock.h"

namespace latchkey::simulation {

// A time between the two; each order of magnitude is as likely as any other.
//
// REQUIRES: 0 < least <= most.
inline Nanos DrawNanos(load::Random& random, Nanos least, Nanos most) {
  const double ratio = static_cast<double>(most) / static_cast<double>(least);
  return static_cast<Nanos>(static_cast<double>(least) *
                            std::pow(ratio, random.Unit()));
}

// Whether something happens that does so in `times` of a thousand cases.
inline bool Draw(load::Random& random, uint64_t times) {
  return random.Below(1'000) < times;
}

}  // namespace latchkey::simulation

#endif  // LATCHKEY_TESTS_SIMULATION_DRAW_H_
