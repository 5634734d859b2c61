#include "client/load/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace latchkey::load {
namespace {

// Older and newer libraries disagree on the type of std::bit_width().
constexpr int BitWidth(uint64_t value) {
  return static_cast<int>(std::bit_width(value));
}

// 2^11 counters of width 1 hold every number of 3 digits with one to spare.
constexpr int kPlainBits = 11;
constexpr size_t kPerPowerOfTwo = size_t{1} << (kPlainBits - 1);
constexpr size_t kIndexes =
    (BitWidth(Histogram::kValueMax) - kPlainBits + 2) * kPerPowerOfTwo;

}  // namespace

Histogram::Histogram() : counts_(kIndexes) {}

size_t Histogram::IndexOf(int64_t value) {
  const uint64_t v = static_cast<uint64_t>(value);
  const int shift = std::max(0, BitWidth(v) - kPlainBits);
  return static_cast<size_t>(shift) * kPerPowerOfTwo + (v >> shift);
}

int64_t Histogram::HighestOf(size_t index) {
  if (index < 2 * kPerPowerOfTwo) return static_cast<int64_t>(index);
  const size_t shift = index / kPerPowerOfTwo - 1;
  const size_t base = index - shift * kPerPowerOfTwo;
  return static_cast<int64_t>(((base + 1) << shift) - 1);
}

void Histogram::Record(int64_t value) {
  value = std::max<int64_t>(value, 0);
  ++counts_[IndexOf(std::min(value, kValueMax))];
  ++count_;
  sum_ += static_cast<double>(value);
  min_ = std::min(min_, value);
  max_ = std::max(max_, value);
}

void Histogram::Merge(const Histogram& other) {
  for (size_t i = 0; i < kIndexes; ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  sum_ += other.sum_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
}

double Histogram::Mean() const {
  return count_ == 0 ? 0 : sum_ / static_cast<double>(count_);
}

int64_t Histogram::Percentile(double percent) const {
  if (count_ == 0) return 0;
  const double wanted =
      std::ceil(percent / 100.0 * static_cast<double>(count_));
  const uint64_t rank =
      std::clamp<uint64_t>(static_cast<uint64_t>(wanted), 1, count_);
  uint64_t seen = 0;
  for (size_t i = 0; i < kIndexes; ++i) {
    seen += counts_[i];
    if (seen >= rank) return std::min(HighestOf(i), max_);
  }
  return max_;
}

}  // namespace latchkey::load
