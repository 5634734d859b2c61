// What the benchmarks ask for: cheap random numbers, uniform and skewed.
//
// Thread safety: an instance belongs to one thread.

#ifndef LATCHKEY_TESTS_BENCH_WORKLOAD_H_
#define LATCHKEY_TESTS_BENCH_WORKLOAD_H_

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

// Key numbers below kBenchKeys, drawn beforehand so that drawing costs an
// access to memory.
class KeyNumbers {
 public:
  enum class Kind { kUniform, kZipf };

  // After so many, they come again.
  static constexpr size_t kCount = 1 << 16;

  KeyNumbers(Kind kind, uint64_t seed) : numbers_(kCount) {
    FastRandom random(seed);
    const std::vector<double> sums =
        kind == Kind::kZipf ? ZipfSums() : std::vector<double>();
    for (uint64_t& number : numbers_) {
      number = kind == Kind::kUniform ? random.Below(kBenchKeys)
                                      : DrawZipf(sums, random);
    }
  }

  uint64_t Next() { return numbers_[next_++ % kCount]; }

 private:
  // As in YCSB.
  static constexpr double kSkew = 0.99;

  // sums[i]: the weights of ranks 0 ... i.
  static std::vector<double> ZipfSums() {
    std::vector<double> sums(kBenchKeys);
    double sum = 0;
    for (size_t i = 0; i < sums.size(); ++i) {
      sum += std::pow(static_cast<double>(i + 1), -kSkew);
      sums[i] = sum;
    }
    return sums;
  }

  static uint64_t DrawZipf(const std::vector<double>& sums,
                           FastRandom& random) {
    const double point =
        static_cast<double>(random.Next() >> 11) * 0x1.0p-53 * sums.back();
    size_t low = 0;
    size_t high = sums.size() - 1;
    while (low < high) {
      const size_t middle = (low + high) / 2;
      if (sums[middle] < point) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  std::vector<uint64_t> numbers_;
  size_t next_ = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_BENCH_WORKLOAD_H_
