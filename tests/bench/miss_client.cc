// miss_client asks a cache for keys, zipfian with skew 1, puts what is missing,
// and counts how often something is.
//
//   miss_client KIND PORT KEYS PARTS REQUESTS BYTES_MIN BYTES_MAX SEED
//
// KIND: latchkey, redis or memcached.  A key has 16 B, and always the same
// value, of BYTES_MIN to BYTES_MAX; which keys are asked for in which order is
// SEED's.  Prints `misses`, once for each of PARTS parts of REQUESTS requests,
// then `refused` (puts, for want of memory), and what the cache holds in the
// end: `entries`, and `used_bytes`, which it counts against its limit itself.
// Each has its number.
//
// Requests go in windows of 64: all are read in one turn, then what was missing
// is put.  Where a key that was missing comes again in its window, that one is
// read after the put, as if each request had waited for the one before it.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "absl/strings/str_format.h"
#include "tests/bench/remote_cache.h"
#include "tests/bench/workload.h"

namespace latchkey {
namespace {

constexpr uint64_t kWindow = 64;

struct Settings {
  uint64_t keys;
  uint64_t parts;
  uint64_t requests;
  uint64_t bytes_min;
  uint64_t bytes_max;
  uint64_t seed;
};

// What the requests are of.
class Entries {
 public:
  explicit Entries(const Settings& settings)
      : settings_(settings), values_(settings.bytes_max, 'v') {}

  // The rank of a key tells nothing of its name or size.
  static std::string KeyOf(uint64_t rank) {
    return absl::StrFormat("%016x", MixBits(rank + 1));
  }

  std::string_view ValueOf(uint64_t rank) const {
    const uint64_t sizes = settings_.bytes_max - settings_.bytes_min + 1;
    return std::string_view(values_).substr(
        0, settings_.bytes_min + MixBits(~rank) % sizes);
  }

 private:
  const Settings settings_;
  const std::string values_;
};

struct Counts {
  uint64_t misses = 0;
  uint64_t refused = 0;
};

// Asks for the keys of `ranks` and puts those that are missing.
Counts RunWindow(RemoteCache& cache, const Entries& entries,
                 std::vector<uint64_t> ranks) {
  Counts counts;
  while (!ranks.empty()) {
    std::vector<std::string> keys;
    for (const uint64_t rank : ranks) keys.push_back(Entries::KeyOf(rank));
    const auto sizes = cache.Get(keys);
    std::unordered_set<uint64_t> missing;
    std::vector<uint64_t> again;
    std::vector<KeyValue> puts;
    for (size_t i = 0; i < ranks.size(); ++i) {
      const std::string_view value = entries.ValueOf(ranks[i]);
      if (sizes[i].has_value()) {
        if (*sizes[i] != value.size()) {
          std::fprintf(stderr, "miss_client: a value of another key\n");
          std::exit(1);
        }
      } else if (missing.insert(ranks[i]).second) {
        ++counts.misses;
        puts.push_back({keys[i], value});
      } else {
        again.push_back(ranks[i]);
      }
    }
    if (!puts.empty()) counts.refused += cache.Set(puts);
    ranks = std::move(again);
  }
  return counts;
}

// Returns how many puts were refused.
uint64_t Run(RemoteCache& cache, const Settings& settings) {
  const Entries entries(settings);
  const Zipf zipf(settings.keys, 1.0);
  FastRandom random(settings.seed);
  uint64_t refused = 0;
  for (uint64_t part = 0; part < settings.parts; ++part) {
    uint64_t misses = 0;
    for (uint64_t done = 0; done < settings.requests; done += kWindow) {
      std::vector<uint64_t> ranks(std::min(kWindow, settings.requests - done));
      for (uint64_t& rank : ranks) rank = zipf.Draw(random);
      const Counts counts = RunWindow(cache, entries, std::move(ranks));
      misses += counts.misses;
      refused += counts.refused;
    }
    absl::PrintF("misses %u\n", misses);
  }
  return refused;
}

int Main(int argc, char** argv) {
  if (argc != 9) {
    std::fprintf(stderr,
                 "usage: miss_client KIND PORT KEYS PARTS REQUESTS "
                 "BYTES_MIN BYTES_MAX SEED\n");
    return 2;
  }
  const auto number = [argv](int i) {
    return std::strtoull(argv[i], nullptr, 10);
  };
  const Settings settings = {.keys = number(3),
                             .parts = number(4),
                             .requests = number(5),
                             .bytes_min = number(6),
                             .bytes_max = number(7),
                             .seed = number(8)};
  if (settings.keys == 0 || settings.bytes_min > settings.bytes_max) {
    std::fprintf(stderr, "miss_client: there are no such keys\n");
    return 2;
  }
  const auto cache = ConnectToCache(argv[1], static_cast<int>(number(2)));
  const uint64_t refused = Run(*cache, settings);
  const RemoteCache::Holdings held = cache->Held();
  absl::PrintF("refused %u\nentries %u\nused_bytes %u\n", refused, held.entries,
               held.used_bytes);
  return 0;
}

}  // namespace
}  // namespace latchkey

int main(int argc, char** argv) { return latchkey::Main(argc, argv); }
