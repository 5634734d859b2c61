// Numbers as people read them.
//
// Thread safety: free functions, no shared state.

#ifndef LATCHKEY_CLIENT_LOAD_TEXT_FORMAT_H_
#define LATCHKEY_CLIENT_LOAD_TEXT_FORMAT_H_

#include <cstdint>
#include <string>

#include "client/load/engine.h"

namespace latchkey::load {

// As "1,234,567".
std::string WithThousands(uint64_t number);

// As "12.34"; `digits` behind the point.
std::string Fixed(double number, int digits);

// In microseconds to 4 digits or so: "87.1", "1,234".
std::string Micros(Nanos duration);

}  // namespace latchkey::load

#endif  // LATCHKEY_CLIENT_LOAD_TEXT_FORMAT_H_
