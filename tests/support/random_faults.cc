#include "tests/support/random_faults.h"

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"

namespace latchkey {
namespace {

// Weights are added up, and times are drawn as numbers.
constexpr uint32_t kWeightMax = 1'000'000;
constexpr std::chrono::milliseconds kTimeMax = std::chrono::hours(1);

absl::Status Bad(const char* field, const char* rule) {
  return absl::InvalidArgumentError(absl::StrCat(field, " ", rule));
}

uint64_t SeedOf(uint64_t seed, uint64_t connection_number) {
  std::seed_seq both = {static_cast<uint32_t>(seed),
                        static_cast<uint32_t>(seed >> 32),
                        static_cast<uint32_t>(connection_number),
                        static_cast<uint32_t>(connection_number >> 32)};
  std::array<uint32_t, 2> words;
  both.generate(words.begin(), words.end());
  return (uint64_t{words[0]} << 32) | words[1];
}

}  // namespace

absl::Status CheckRandomFaults(const RandomFaults& faults) {
  for (const auto& [name, weight] :
       {std::pair("reset", faults.reset),
        std::pair("lose-reply", faults.lose_reply),
        std::pair("truncate", faults.truncate),
        std::pair("delay", faults.delay), std::pair("drop", faults.drop)}) {
    if (weight > kWeightMax) return Bad(name, "is at most 1000000");
  }
  for (const auto& [name, time] :
       {std::pair("delay-ms", faults.delay_max),
        std::pair("drop-ms", faults.drop_max),
        std::pair("mirror-lag-ms", faults.mirror_lag_max)}) {
    if (time.count() < 0 || time > kTimeMax) {
      return Bad(name, "is 0 to 3600000");
    }
  }
  if (faults.mirror_percent > 100) return Bad("mirror", "is 0 to 100 percent");
  if (faults.bytes_between_max == 0) return Bad("bytes", "is at least 1");
  return absl::OkStatus();
}

FaultPlan::FaultPlan(const RandomFaults& faults, uint64_t connection_number)
    : faults_(faults),
      engine_(SeedOf(faults.seed, connection_number)),
      bytes_left_(0) {
  bytes_left_ = Draw(1, faults_.bytes_between_max);
}

bool FaultPlan::DrawMirror() { return Draw(1, 100) <= faults_.mirror_percent; }

std::chrono::milliseconds FaultPlan::DrawMirrorLag() {
  return DrawTime(faults_.mirror_lag_max);
}

FaultPlan::Kind FaultPlan::Next(uint64_t bytes) {
  if (bytes < bytes_left_) {
    bytes_left_ -= bytes;
    return Kind::kNone;
  }
  bytes_left_ = Draw(1, faults_.bytes_between_max);
  const std::pair<Kind, uint64_t> weights[] = {
      {Kind::kReset, faults_.reset},
      {Kind::kLoseReply, faults_.lose_reply},
      {Kind::kTruncate, faults_.truncate},
      {Kind::kDelay, faults_.delay},
      {Kind::kDrop, faults_.drop}};
  uint64_t sum = 0;
  for (const auto& [kind, weight] : weights) sum += weight;
  if (sum == 0) return Kind::kNone;
  uint64_t drawn = Draw(1, sum);
  for (const auto& [kind, weight] : weights) {
    if (drawn <= weight) return kind;
    drawn -= weight;
  }
  return Kind::kNone;
}

bool FaultPlan::DrawToServer() { return Draw(0, 1) == 0; }

std::chrono::milliseconds FaultPlan::DrawDelay() {
  return DrawTime(faults_.delay_max);
}

std::chrono::milliseconds FaultPlan::DrawDrop() {
  return DrawTime(faults_.drop_max);
}

uint64_t FaultPlan::DrawTruncateBytes() {
  return Draw(0, faults_.truncate_bytes_max);
}

uint64_t FaultPlan::Draw(uint64_t least, uint64_t most) {
  return std::uniform_int_distribution<uint64_t>(least, most)(engine_);
}

std::chrono::milliseconds FaultPlan::DrawTime(std::chrono::milliseconds most) {
  return std::chrono::milliseconds(
      Draw(0, static_cast<uint64_t>(most.count())));
}

}  // namespace latchkey
