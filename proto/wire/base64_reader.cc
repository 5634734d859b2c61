#include "proto/wire/base64_reader.h"

#include <cstddef>
#include <optional>

#include "proto/wire/base64.h"

namespace latchkey::wire {
namespace {

constexpr size_t kGroup = 4;

}  // namespace

bool Base64Reader::Read(std::string_view text, std::string* bytes) {
  const std::string joined = rest_.append(text);
  const size_t whole_size = joined.size() / kGroup * kGroup;
  rest_ = joined.substr(whole_size);
  std::string_view whole = std::string_view(joined).substr(0, whole_size);
  while (!whole.empty()) {
    // Padding ends a part.
    const size_t padding = whole.find('=');
    const size_t size = padding == std::string_view::npos
                            ? whole.size()
                            : (padding / kGroup + 1) * kGroup;
    const std::optional<std::string> part = Base64Decode(whole.substr(0, size));
    if (!part.has_value()) return false;
    bytes->append(*part);
    whole.remove_prefix(size);
  }
  return true;
}

}  // namespace latchkey::wire
