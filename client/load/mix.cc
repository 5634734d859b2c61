#include "client/load/mix.h"

#include <charconv>
#include <optional>

namespace latchkey::load {
namespace {

constexpr std::string_view kMixedPrefix = "mixed:";

struct NamedMix {
  std::string_view name;
  uint32_t read_weight;
  uint32_t write_weight;
  WriteKind write;
};

// One operation of `transfer` in ten is an atomic read.
constexpr NamedMix kNamed[] = {
    {"get", 1, 0, WriteKind::kPut},
    {"put", 0, 1, WriteKind::kPut},
    {"ycsb-a", 50, 50, WriteKind::kPut},
    {"ycsb-b", 95, 5, WriteKind::kPut},
    {"ycsb-c", 100, 0, WriteKind::kPut},
    {"ycsb-f", 50, 50, WriteKind::kReadModifyWrite},
    {"transfer", 10, 90, WriteKind::kTransfer},
};

std::optional<uint32_t> ParseWeight(std::string_view text) {
  uint32_t weight = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, weight);
  if (error != std::errc() || stop != end || weight > kWeightMax) {
    return std::nullopt;
  }
  return weight;
}

absl::Status BadMix(std::string_view name) {
  return absl::InvalidArgumentError(
      "\"" + std::string(name) +
      "\" is no mix: get, put, mixed:R/W (as mixed:90/10), ycsb-a, ycsb-b, "
      "ycsb-c, ycsb-f or transfer");
}

}  // namespace

absl::StatusOr<Mix> ParseMix(std::string_view name) {
  for (const NamedMix& named : kNamed) {
    if (named.name == name) {
      return Mix{std::string(name), named.read_weight, named.write_weight,
                 named.write};
    }
  }
  if (!name.starts_with(kMixedPrefix)) return BadMix(name);
  const std::string_view weights = name.substr(kMixedPrefix.size());
  const size_t slash = weights.find('/');
  if (slash == std::string_view::npos) return BadMix(name);
  const auto read = ParseWeight(weights.substr(0, slash));
  const auto write = ParseWeight(weights.substr(slash + 1));
  if (!read || !write || *read + *write == 0) return BadMix(name);
  return Mix{std::string(name), *read, *write, WriteKind::kPut};
}

}  // namespace latchkey::load
