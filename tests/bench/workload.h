// What the benchmarks ask for: cheap random numbers, uniform and skewed.
//
// Thread safety: an instance belongs to one thread.

#ifndef LATCHKEY_TESTS_BENCH_WORKLOAD_H_
#define LATCHKEY_TESTS_BENCH_WORKLOAD_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace latchkey {

// The size of every benchmark's data.
inline constexpr uint64_t kBenchKeys = 100'000;

// Mixes the bits of `x` (the finalizer of SplitMix64), so that neighbours part.
inline uint64_t MixBits(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

// About one nanosecond a number.
class FastRandom {
 public:
  explicit FastRandom(uint64_t seed) : state_(seed) {}

  uint64_t Next() { return MixBits(state_ += 0x9e3779b97f4a7c15); }
  uint64_t Below(uint64_t bound) { return Next() % bound; }

 private:
  uint64_t state_;
};

// Draws ranks below `keys`, the first the most often: rank r with a weight of
// (r + 1) ^ -skew.
class Zipf {
 public:
  Zipf(uint64_t keys, double skew) : sums_(keys) {
    double sum = 0;
    for (uint64_t i = 0; i < keys; ++i) {
      sum += std::pow(static_cast<double>(i + 1), -skew);
      sums_[i] = sum;
    }
  }

  // REQUIRES: there are keys.
  uint64_t Draw(FastRandom& random) const {
    const double point =
        static_cast<double>(random.Next() >> 11) * 0x1.0p-53 * sums_.back();
    return static_cast<uint64_t>(
        std::lower_bound(sums_.begin(), sums_.end(), point) - sums_.begin());
  }

 private:
  // sums_[i]: the weights of ranks 0 ... i.
  std::vector<double> sums_;
};

// Key numbers below kBenchKeys, drawn beforehand so that drawing costs an
// access to memory.
class KeyNumbers {
 public:
  enum class Kind { kUniform, kZipf };

  // After so many, they come again.
  static constexpr size_t kCount = 1 << 16;

  KeyNumbers(Kind kind, uint64_t seed) : numbers_(kCount) {
    FastRandom random(seed);
    const Zipf zipf(kind == Kind::kZipf ? kBenchKeys : 0, kSkew);
    for (uint64_t& number : numbers_) {
      number =
          kind == Kind::kUniform ? random.Below(kBenchKeys) : zipf.Draw(random);
    }
  }

  uint64_t Next() { return numbers_[next_++ % kCount]; }

 private:
  // As in YCSB.
  static constexpr double kSkew = 0.99;

  std::vector<uint64_t> numbers_;
  size_t next_ = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_BENCH_WORKLOAD_H_
