// KeyChooser draws which key an operation works on, and KeyNames says how keys
// are spelt.
//
// kUniform: every key alike.  kZipfian: the key of rank r (from 0) is drawn in
// proportion to 1 / (r + 1)^theta, by the method of Gray et al. 1994, "Quickly
// generating billion-record synthetic databases": exact for ranks 0 and 1, a
// close fit above.  As in YCSB's scrambled zipfian, ranks are scattered over
// the indexes, so that popular keys are no neighbours; unlike there, by a
// permutation, so that no two ranks fall onto one key.
//
// Thread safety: immutable after construction; Choose() may be called from any
// thread, each with a Random of its own.
//
// Example:
//   const KeyChooser chooser({.keys = 100'000,
//                             .distribution = Distribution::kZipfian,
//                             .seed = 1});
//   const std::string key = names.Name(chooser.Choose(random));

#ifndef LATCHKEY_CLIENT_LOAD_KEY_CHOOSER_H_
#define LATCHKEY_CLIENT_LOAD_KEY_CHOOSER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "client/load/random.h"

namespace latchkey::load {

enum class Distribution { kUniform, kZipfian };

struct KeyChooserOptions {
  // At least 1.
  uint64_t keys = 1;
  Distribution distribution = Distribution::kUniform;
  // The skew, greater than 0 and less than 1.
  double zipf_theta = 0.99;
  // Which permutation scatters the ranks.
  uint64_t seed = 0;
};

class KeyChooser {
 public:
  // Takes time in proportion to `keys` where the distribution is zipfian.
  explicit KeyChooser(const KeyChooserOptions& options);

  // The index of a key, 0 .. keys - 1.
  uint64_t Choose(Random& random) const;

  // The index of the key that is drawn `rank + 1`-st most often.
  uint64_t IndexOfRank(uint64_t rank) const;

  uint64_t keys() const { return options_.keys; }

 private:
  uint64_t ZipfianRank(double unit) const;

  const KeyChooserOptions options_;
  // IndexOfRank(r) = (r * multiplier_ + offset_) mod keys; no common divisor
  // with `keys`, so it is a permutation.
  uint64_t multiplier_ = 1;
  uint64_t offset_ = 0;
  // The names of Gray et al.
  double zeta_n_ = 0;
  double alpha_ = 0;
  double eta_ = 0;
};

// Keys are a prefix and the index in decimal, padded with zeros to one length.
class KeyNames {
 public:
  // REQUIRES: bytes >= BytesMin(prefix, keys) for all indexes that are used.
  KeyNames(std::string prefix, size_t bytes);

  std::string Name(uint64_t index) const;

  // The least length that tells `keys` keys apart.
  static size_t BytesMin(std::string_view prefix, uint64_t keys);

 private:
  const std::string prefix_;
  const size_t bytes_;
};

}  // namespace latchkey::load

#endif  // LATCHKEY_CLIENT_LOAD_KEY_CHOOSER_H_
