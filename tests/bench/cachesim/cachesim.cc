// Replays traces through a real store with a memory limit, and prints the share
// of requests, and of bytes, that missed, as CSV: for each trace, policy and
// size.  A request reads its key and puts it where it is missing.
//
//   cachesim [--keys N] [--requests N] [--bytes N] [--sizes 0.01,0.1]
//            [--shards 1,256] [TRACE | FILE]...
//
// A size is a share of the memory that all that the trace asks for would take.
// README.md says how to draw what is printed.
//
// A store has 256 shards.  Of fewer, a power of two, the keys of the trace get
// names that fall into the first so many, and the rest stay empty: one shard is
// one queue for all keys.

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "absl/strings/str_split.h"
#include "server/base/check.h"
#include "server/base/clock.h"
#include "server/runtime/deadline.h"
#include "server/store/hashed_key.h"
#include "server/store/key_hasher.h"
#include "server/store/store.h"
#include "tests/bench/cachesim/traces.h"
#include "tests/support/fake_clock.h"
#include "tests/support/seeded_random.h"

namespace latchkey {
namespace {

struct Policy {
  const char* name;
  EvictionPolicy policy;
};
constexpr Policy kPolicies[] = {{"tinylfu", EvictionPolicy::kTinyLfu},
                                {"s3fifo", EvictionPolicy::kS3Fifo},
                                {"lru", EvictionPolicy::kLru},
                                {"fifo", EvictionPolicy::kFifo}};

struct Score {
  uint64_t requests = 0;
  uint64_t misses = 0;
  uint64_t bytes = 0;
  uint64_t missed_bytes = 0;
  uint64_t refused = 0;
  // Held in the end.
  uint64_t entries = 0;
};

// All stores have one secret, so that it is known where a key falls.
constexpr uint64_t kSeed = 1;

// The keys of a trace by their numbers.
class Keys {
 public:
  Keys(const Trace& trace, size_t shards) {
    SeededRandom random(kSeed);
    const KeyHasher hasher(random);
    for (const Request& request : trace.requests) {
      const auto [name, is_new] = names_.try_emplace(request.key);
      if (!is_new) continue;
      for (uint32_t salt = 0;; ++salt) {
        name->second = Bytes(request.key) + Bytes(salt);
        name->second.resize(trace.key_bytes, '.');
        const HashedKey key = {name->second, hasher.Hash(name->second)};
        if (key.shard() % shards == key.shard()) break;
      }
    }
  }

  const std::string& operator[](uint64_t key) const {
    return names_.find(key)->second;
  }
  const auto& names() const { return names_; }

 private:
  template <typename Number>
  static std::string Bytes(Number number) {
    return {reinterpret_cast<const char*>(&number), sizeof(number)};
  }

  std::unordered_map<uint64_t, std::string> names_;
};

Score Replay(const Trace& trace, const Keys& keys, EvictionPolicy policy,
             size_t memory) {
  FakeClock clock(0);
  SeededRandom random(kSeed);
  Store store({.memory_bytes_max = memory, .eviction = policy}, clock, random);
  const DeadlineSource endless(kNever);
  const std::string value(1024 * 1024, 'v');
  Score score;
  for (const Request& request : trace.requests) {
    const UnixNanos time = request.seconds * kNanosPerSecond;
    if (time > clock.Now()) {
      clock.Advance(time - clock.Now());
      store.SweepExpired(SIZE_MAX);
    }
    const std::string& key = keys[request.key];
    const auto got = store.Get({.key = key}, endless.token());
    LATCHKEY_CHECK(got.ok(), "a read does not fail");
    const size_t bytes = std::min<size_t>(request.bytes, value.size());
    ++score.requests;
    score.bytes += bytes;
    if (got->found.entry) continue;
    ++score.misses;
    score.missed_bytes += bytes;
    const Operation put = PutOperation{
        .key = key,
        .value = std::string_view(value).substr(0, bytes),
        .expiration = {.kind = request.ttl_seconds == 0
                                   ? Expiration::Kind::kNever
                                   : Expiration::Kind::kTtl,
                       .ttl = request.ttl_seconds * kNanosPerSecond}};
    const auto written =
        store.Write({.on_success = {&put, 1}}, endless.token());
    if (!written.ok()) ++score.refused;
  }
  score.entries = store.EntryCount();
  return score;
}

// What a store takes that holds all that is asked for.
size_t MemoryOfAll(const Trace& trace, const Keys& keys) {
  const FakeClock clock(0);
  SeededRandom random(kSeed);
  Store store({}, clock, random);
  const DeadlineSource endless(kNever);
  const std::string value(1024 * 1024, 'v');
  std::unordered_set<uint64_t> seen;
  for (const Request& request : trace.requests) {
    if (!seen.insert(request.key).second) continue;
    const std::string& key = keys[request.key];
    const Operation put =
        PutOperation{.key = key,
                     .value = std::string_view(value).substr(
                         0, std::min<size_t>(request.bytes, value.size()))};
    LATCHKEY_CHECK(store.Write({.on_success = {&put, 1}}, endless.token()).ok(),
                   "there is no limit");
  }
  return store.memory().used();
}

struct Settings {
  uint64_t keys = 100'000;
  uint64_t requests = 1'000'000;
  uint32_t bytes = 200;
  std::vector<double> sizes = {0.02, 0.05, 0.1, 0.2, 0.4};
  std::vector<size_t> shards = {kShardCount};
  std::vector<std::string> traces;
};

void Print(const std::string& trace, size_t shards, const char* policy,
           double size, size_t memory, const Score& score) {
  std::printf(
      "%s,%zu,%s,%g,%zu,%llu,%.5f,%.5f,%llu,%llu\n", trace.c_str(), shards,
      policy, size, memory, static_cast<unsigned long long>(score.requests),
      static_cast<double>(score.misses) / static_cast<double>(score.requests),
      static_cast<double>(score.missed_bytes) /
          static_cast<double>(std::max<uint64_t>(score.bytes, 1)),
      static_cast<unsigned long long>(score.refused),
      static_cast<unsigned long long>(score.entries));
  std::fflush(stdout);
}

int Run(const Settings& settings) {
  std::printf(
      "trace,shards,policy,size,memory_bytes,requests,miss_ratio,"
      "byte_miss_ratio,refused,entries\n");
  for (const std::string& name : settings.traces) {
    Trace trace =
        MakeTrace(name, settings.keys, settings.requests, settings.bytes);
    if (!trace.error.empty()) trace = ReadTrace(name, settings.bytes);
    if (!trace.error.empty()) {
      std::fprintf(stderr, "cachesim: %s: %s\n", name.c_str(),
                   trace.error.c_str());
      return 1;
    }
    // The same memory for all.
    const size_t all = MemoryOfAll(trace, Keys(trace, kShardCount));
    for (const size_t shards : settings.shards) {
      const Keys keys(trace, shards);
      for (const double size : settings.sizes) {
        const auto memory =
            static_cast<size_t>(static_cast<double>(all) * size);
        for (const Policy& policy : kPolicies) {
          Print(trace.name, shards, policy.name, size, memory,
                Replay(trace, keys, policy.policy, memory));
        }
      }
    }
  }
  return 0;
}

int Main(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (!argument.starts_with("--")) {
      settings.traces.push_back(argument);
      continue;
    }
    const char* value = ++i < argc ? argv[i] : "";
    if (argument == "--keys") {
      settings.keys = std::strtoull(value, nullptr, 10);
    } else if (argument == "--requests") {
      settings.requests = std::strtoull(value, nullptr, 10);
    } else if (argument == "--bytes") {
      settings.bytes = static_cast<uint32_t>(std::strtoul(value, nullptr, 10));
    } else if (argument == "--sizes") {
      settings.sizes.clear();
      for (const auto& size : absl::StrSplit(value, ',')) {
        settings.sizes.push_back(
            std::strtod(std::string(size).c_str(), nullptr));
      }
    } else if (argument == "--shards") {
      settings.shards.clear();
      for (const auto& shards : absl::StrSplit(value, ',')) {
        settings.shards.push_back(
            std::strtoull(std::string(shards).c_str(), nullptr, 10));
      }
    } else {
      std::fprintf(stderr, "cachesim: unknown option %s\n", argument.c_str());
      return 2;
    }
  }
  if (settings.keys < 10) {
    std::fprintf(stderr, "cachesim: --keys is at least 10\n");
    return 2;
  }
  for (const size_t shards : settings.shards) {
    if (std::has_single_bit(shards) && shards <= kShardCount) continue;
    std::fprintf(stderr, "cachesim: --shards are powers of two up to 256\n");
    return 2;
  }
  if (settings.traces.empty()) {
    settings.traces = {"zipf-0.8", "zipf-0.99", "zipf-1.2", "scan",
                       "loop",     "shift",     "twitter"};
  }
  return Run(settings);
}

}  // namespace
}  // namespace latchkey

int main(int argc, char** argv) { return latchkey::Main(argc, argv); }
