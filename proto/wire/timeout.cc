#include "proto/wire/timeout.h"

#include <cstddef>

#include "absl/strings/str_cat.h"

namespace latchkey::wire {
namespace {

constexpr size_t kDigitsMax = 8;
constexpr int64_t kValueMax = 99'999'999;

struct Unit {
  char name;
  int64_t nanos;
};

// The finest first.
constexpr Unit kUnits[] = {
    {'n', 1},
    {'u', 1'000},
    {'m', 1'000'000},
    {'S', 1'000'000'000},
    {'M', 60'000'000'000},
    {'H', 3'600'000'000'000},
};

}  // namespace

std::optional<int64_t> ParseTimeout(std::string_view text) {
  if (text.size() < 2 || text.size() > kDigitsMax + 1) return std::nullopt;
  int64_t value = 0;
  for (const char c : text.substr(0, text.size() - 1)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  for (const Unit& unit : kUnits) {
    if (unit.name != text.back()) continue;
    return value > INT64_MAX / unit.nanos ? INT64_MAX : value * unit.nanos;
  }
  return std::nullopt;
}

std::string FormatTimeout(int64_t nanos) {
  for (const Unit& unit : kUnits) {
    const int64_t value = nanos / unit.nanos + (nanos % unit.nanos != 0);
    if (value <= kValueMax) {
      return absl::StrCat(value, std::string(1, unit.name));
    }
  }
  // Not reached: 292 years are 2.6 million hours.
  return absl::StrCat(kValueMax, "H");
}

}  // namespace latchkey::wire
