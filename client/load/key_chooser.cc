#include "client/load/key_chooser.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace latchkey::load {
namespace {

double Zeta(uint64_t n, double theta) {
  double sum = 0;
  // From the smallest term on, so that rounding does not eat them.
  for (uint64_t i = n; i >= 1; --i) {
    sum += std::pow(static_cast<double>(i), -theta);
  }
  return sum;
}

}  // namespace

KeyChooser::KeyChooser(const KeyChooserOptions& options) : options_(options) {
  if (options_.distribution == Distribution::kUniform) return;
  const uint64_t n = options_.keys;
  const double theta = options_.zipf_theta;
  zeta_n_ = Zeta(n, theta);
  alpha_ = 1 / (1 - theta);
  eta_ = (1 - std::pow(2.0 / static_cast<double>(n), 1 - theta)) /
         (1 - Zeta(2, theta) / zeta_n_);

  // The golden section puts neighbouring ranks far apart.
  multiplier_ = std::max<uint64_t>(
      1, static_cast<uint64_t>(static_cast<double>(n) * 0.6180339887498949));
  while (std::gcd(multiplier_, n) != 1) ++multiplier_;
  offset_ = Mix64(options_.seed) % n;
}

uint64_t KeyChooser::ZipfianRank(double unit) const {
  const double scaled = unit * zeta_n_;
  if (scaled < 1) return 0;
  if (scaled < 1 + std::pow(0.5, options_.zipf_theta)) return 1;
  const double rank = static_cast<double>(options_.keys) *
                      std::pow(eta_ * unit - eta_ + 1, alpha_);
  return std::min(static_cast<uint64_t>(rank), options_.keys - 1);
}

uint64_t KeyChooser::IndexOfRank(uint64_t rank) const {
  return static_cast<uint64_t>(
      (static_cast<unsigned __int128>(rank) * multiplier_ + offset_) %
      options_.keys);
}

uint64_t KeyChooser::Choose(Random& random) const {
  if (options_.distribution == Distribution::kUniform) {
    return random.Below(options_.keys);
  }
  return IndexOfRank(ZipfianRank(random.Unit()));
}

KeyNames::KeyNames(std::string prefix, size_t bytes)
    : prefix_(std::move(prefix)), bytes_(bytes) {}

std::string KeyNames::Name(uint64_t index) const {
  const std::string digits = std::to_string(index);
  std::string name = prefix_;
  name.append(bytes_ - prefix_.size() - digits.size(), '0');
  return name += digits;
}

size_t KeyNames::BytesMin(std::string_view prefix, uint64_t keys) {
  return prefix.size() + std::to_string(keys - 1).size();
}

}  // namespace latchkey::load
