#include "server/store/idempotency.h"

#include <charconv>

#include "absl/strings/str_format.h"

namespace latchkey {
namespace {

constexpr size_t kIncarnationDigits = 16;

template <typename Integer>
bool ParseWhole(std::string_view text, int base, Integer* out) {
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, *out, base);
  return error == std::errc() && rest == end;
}

}  // namespace

std::string LedgerStamp::ToText() const {
  return absl::StrFormat("%016x-%d", incarnation, unix_seconds);
}

std::optional<LedgerStamp> LedgerStamp::Parse(std::string_view text) {
  LedgerStamp stamp;
  if (text.size() <= kIncarnationDigits + 1 ||
      text[kIncarnationDigits] != '-' ||
      !ParseWhole(text.substr(0, kIncarnationDigits), 16, &stamp.incarnation) ||
      !ParseWhole(text.substr(kIncarnationDigits + 1), 10,
                  &stamp.unix_seconds)) {
    return std::nullopt;
  }
  // One text for one stamp: no sign, no leading zeros, no capitals.
  if (stamp.ToText() != text) return std::nullopt;
  return stamp;
}

}  // namespace latchkey
