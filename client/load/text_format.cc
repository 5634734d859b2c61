#include "client/load/text_format.h"

#include <cmath>
#include <cstdio>

namespace latchkey::load {

std::string WithThousands(uint64_t number) {
  const std::string digits = std::to_string(number);
  std::string text;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
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
