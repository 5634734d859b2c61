#include "client/load/text_format.h"

#include <cmath>
#include <cstdio>

namespace latchkey::load {

std::string WithThousands(uint64_t number) {
  std::string text = std::to_string(number);
  for (size_t at = text.size(); at > 3;) {
    at -= 3;
    text.insert(at, ",");
  }
  return text;
}

std::string Fixed(double number, int digits) {
  char text[64];
  std::snprintf(text, sizeof(text), "%.*f", digits, number);
  return text;
}

std::string Micros(Nanos duration) {
  const double micros = static_cast<double>(duration) / kNanosPerMicro;
  if (micros < 1'000) return Fixed(micros, 1);
  return WithThousands(static_cast<uint64_t>(std::llround(micros)));
}

}  // namespace latchkey::load
