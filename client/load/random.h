// The randomness of a load run: fast, and the same for the same seed, so that
// a run can be repeated.  Not fit for secrets.
//
// Thread safety: an instance belongs to one thread.
//
// Source: Steele, Lea and Flood 2014, "Fast splittable pseudorandom number
// generators" (SplitMix64).

#ifndef LATCHKEY_CLIENT_LOAD_RANDOM_H_
#define LATCHKEY_CLIENT_LOAD_RANDOM_H_

#include <cstdint>

namespace latchkey::load {

// A bijection of the 64-bit numbers in which each bit of the input moves half
// of the bits of the output.
constexpr uint64_t Mix64(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

class Random {
 public:
  // One sequence for each pair, so that threads with one seed differ.
  Random(uint64_t seed, uint64_t stream)
      : state_(Mix64(seed) ^ Mix64(~stream)) {}

  uint64_t Next() { return Mix64(state_ += kWeyl); }

  // Uniform in 0 .. limit - 1, up to a bias of limit / 2^64.
  // REQUIRES: limit > 0.
  uint64_t Below(uint64_t limit) {
    return static_cast<uint64_t>(
        (static_cast<unsigned __int128>(Next()) * limit) >> 64);
  }

  // Uniform in [0, 1).
  double Unit() { return static_cast<double>(Next() >> 11) * 0x1p-53; }

 private:
  static constexpr uint64_t kWeyl = 0x9e3779b97f4a7c15;

  uint64_t state_;
};

}  // namespace latchkey::load

#endif  // LATCHKEY_CLIENT_LOAD_RANDOM_H_
