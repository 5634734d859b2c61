// What a client can learn about a token by a clock, and what it can do with
// keys that it chose.
//
//   secrets_bench [SAMPLES [KEYS [ROUNDS]]]      (1000000, 300, 21)
//
// Tokens: TokenTable::Find() is timed for wrong tokens of two sorts, in random
// order, SAMPLES of each pair in all, and Welch's t of the two is printed, of
// the differences to the median of those that were taken about then, without
// the slowest quarter, which the machine made slow.  The rule of the trade is
// that there is nothing to be seen below 4.5.  The same with a comparison that
// ends at the first difference shows what is seen: on a machine with other work
// SAMPLES may be too few.
//
// Keys: KEYS keys have the same shard and the same low 12 bits, by which a
// shard's table tells them apart, under a secret that an attacker knows.  They
// are put and read in a store with another secret, in turn with random keys,
// and the median of ROUNDS ratios of CPU time is printed.  The same with the
// attacker's secret shows what that would do.

#include <sodium/crypto_hash_sha256.h>
#include <sodium/utils.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/access/token_table.h"
#include "server/base/check.h"
#include "server/base/clock.h"
#include "server/base/random.h"
#include "server/store/key_hasher.h"
#include "server/store/store.h"
#include "tests/bench/workload.h"

namespace latchkey {
namespace {

using Digest = std::array<unsigned char, crypto_hash_sha256_BYTES>;

Digest DigestOf(const std::string& text) {
  Digest digest;
  crypto_hash_sha256(digest.data(),
                     reinterpret_cast<const unsigned char*>(text.data()),
                     text.size());
  return digest;
}

constexpr size_t kTokenBytes = 64;
// So many of each sort, so that no property of a single one decides.
constexpr size_t kTokensOfASort = 4'096;

std::string RandomToken(FastRandom& random) {
  std::string token(kTokenBytes, '0');
  for (char& digit : token) digit = "0123456789abcdef"[random.Below(16)];
  return token;
}

Nanos MonotonicNow() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * kNanosPerSecond + now.tv_nsec;
}

struct Moments {
  double count = 0;
  double sum = 0;
  double squares = 0;

  void Add(double value) {
    ++count;
    sum += value;
    squares += value * value;
  }
  double mean() const { return sum / count; }
  double variance() const {
    return (squares - count * mean() * mean()) / (count - 1);
  }
};

using Tokens = std::vector<std::string>;

constexpr double kSeenFrom = 4.5;

// What the machine does to times changes slowly: samples that follow each other
// are judged by what they have in common.
constexpr size_t kBlock = 512;

// Adds the times of a block to those of their sorts, as differences to its
// median, without the slower ones.
void AddBlock(std::span<std::pair<Nanos, bool>> times, Moments (&moments)[2]) {
  std::ranges::sort(times);
  const Nanos median = times[times.size() / 2].first;
  const Nanos slow = times[times.size() / 4 * 3].first;
  for (const auto& [time, sort] : times) {
    if (time <= slow) moments[sort].Add(static_cast<double>(time - median));
  }
}

// Welch's t of the times that `look` takes for tokens of two sorts.
template <typename Look>
double WelchT(const Tokens (&sorts)[2], size_t samples, FastRandom& random,
              Look look) {
  std::vector<std::pair<Nanos, bool>> times;
  Moments moments[2];
  std::string token;
  for (size_t i = 0; i < samples; ++i) {
    const uint64_t draw = random.Next();
    const bool sort = (draw & 1) != 0;
    // Where a text stands in memory matters: all stand in one place.
    token = sorts[sort][(draw >> 1) % kTokensOfASort];
    const Nanos begin = MonotonicNow();
    const bool found = look(token);
    const Nanos end = MonotonicNow();
    LATCHKEY_CHECK(!found, "the token is wrong");
    times.emplace_back(end - begin, sort);
    if (times.size() < kBlock) continue;
    AddBlock(times, moments);
    times.clear();
  }
  return (moments[0].mean() - moments[1].mean()) /
         std::sqrt(moments[0].variance() / moments[0].count +
                   moments[1].variance() / moments[1].count);
}

// Makes both sorts anew, in turn, so that the places of one in memory are not
// nearer to each other than those of the other.
void Mix(Tokens (&sorts)[2]) {
  Tokens mixed[2];
  for (size_t i = 0; i < kTokensOfASort; ++i) {
    for (size_t sort : {0, 1}) mixed[sort].emplace_back(sorts[sort][i].data());
  }
  std::swap(sorts, mixed);
}

// What must not be done with secrets.
[[gnu::noinline]] bool EqualUpToTheFirstDifference(std::string_view a,
                                                   std::string_view b) {
  size_t same = 0;
  while (same < a.size() && same < b.size() && a[same] == b[same]) ++same;
  return same == a.size() && same == b.size();
}

// Prints the t of each pair.
void MeasureTokens(size_t samples) {
  FastRandom random(1);
  const std::string good = RandomToken(random);
  const Digest digest = DigestOf(good);
  const char* const folder = std::getenv("TMPDIR");
  const std::string file = std::string(folder != nullptr ? folder : "/tmp") +
                           "/secrets_bench." + std::to_string(random.Next()) +
                           std::to_string(MonotonicNow());
  char hex[2 * sizeof(Digest) + 1];
  sodium_bin2hex(hex, sizeof(hex), digest.data(), digest.size());
  std::ofstream(file) << "web " << hex << "\n";
  PrincipalNames principals;
  const absl::StatusOr<TokenTable> table = TokenTable::Read(file, principals);
  std::remove(file.c_str());
  LATCHKEY_CHECK(table.ok(), "the file has a token");

  Tokens of_text[2], of_digest[2];
  while (of_digest[1].size() < kTokensOfASort) {
    std::string token = RandomToken(random);
    const bool first_byte = DigestOf(token)[0] == digest[0];
    Tokens& tokens = of_digest[first_byte];
    if (tokens.size() < kTokensOfASort) tokens.push_back(token);
    if (of_text[0].size() < kTokensOfASort && token[0] != good[0]) {
      of_text[0].push_back(token);
      token[0] = good[0];
      of_text[1].push_back(token);
    }
  }
  Mix(of_text);
  Mix(of_digest);
  const auto find = [&table](const std::string& token) {
    return table->Find(token) != nullptr;
  };
  const double text_t = WelchT(of_text, samples, random, find);
  const double digest_t = WelchT(of_digest, samples, random, find);
  const double leak_t =
      WelchT(of_text, samples, random, [&](const std::string& token) {
        return EqualUpToTheFirstDifference(token, good) || find(token);
      });
  std::printf("token, first byte right or wrong: t = %.2f\n", text_t);
  std::printf("digest, first byte right or wrong: t = %.2f\n", digest_t);
  std::printf("if a comparison ended at the first difference: t = %.2f%s\n",
              leak_t,
              std::abs(leak_t) > kSeenFrom ? "" : ", too little to tell");
}

// What an attacker knows.
class KnownRandom final : public RandomSource {
 public:
  void Fill(std::span<std::byte> bytes) override {
    std::ranges::fill(bytes, std::byte{42});
  }
};

using Keys = std::vector<std::string>;

Keys MakeKeys(size_t count, bool collide) {
  KnownRandom known;
  const KeyHasher hasher(known);
  FastRandom random(collide ? 2 : 3);
  Keys keys;
  std::string key(16, '\0');
  while (keys.size() < count) {
    const uint64_t numbers[2] = {random.Next(), random.Next()};
    std::memcpy(key.data(), numbers, sizeof(numbers));
    const uint64_t hash = collide ? hasher.Hash(key) : 0;
    if (hash >> 56 == 0 && (hash & 0xfff) == 0) keys.push_back(key);
  }
  return keys;
}

Nanos ThreadCpuNow() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * kNanosPerSecond + now.tv_nsec;
}

// CPU to put and read all keys, some times, in a new store.
double CostOf(const Keys& keys, RandomSource& random) {
  const SystemClock clock;
  const DeadlineSource endless(kNever);
  const auto store = std::make_unique<Store>(StoreOptions(), clock, random);
  const Nanos begin = ThreadCpuNow();
  for (int i = 0; i < 20; ++i) {
    for (const std::string& key : keys) {
      Operation put = PutOperation{.key = key, .value = "value"};
      LATCHKEY_CHECK(
          store->Write({.on_success = {&put, 1}}, endless.token()).ok(),
          "a benchmark's write succeeds");
    }
    for (const std::string& key : keys) {
      LATCHKEY_CHECK(store->Get({.key = key}, endless.token()).ok(),
                     "a benchmark's read succeeds");
    }
  }
  return static_cast<double>(ThreadCpuNow() - begin);
}

double MedianRatio(const Keys& chosen, const Keys& others, RandomSource& random,
                   int rounds) {
  std::vector<double> ratios;
  for (int i = 0; i < rounds; ++i) {
    ratios.push_back(CostOf(chosen, random) / CostOf(others, random));
  }
  std::ranges::nth_element(ratios, ratios.begin() + rounds / 2);
  return ratios[static_cast<size_t>(rounds / 2)];
}

void MeasureKeys(size_t count, int rounds) {
  const Keys chosen = MakeKeys(count, true);
  const Keys others = MakeKeys(count, false);
  SystemRandom secret;
  KnownRandom known;
  std::printf("keys that collide, of random keys: %.2f\n",
              MedianRatio(chosen, others, secret, rounds));
  std::printf("if their secret were the server's: %.2f\n",
              MedianRatio(chosen, others, known, rounds));
}

int Main(int argc, char** argv) {
  MeasureTokens(argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 1'000'000);
  MeasureKeys(argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 300,
              argc > 3 ? std::atoi(argv[3]) : 21);
  return 0;
}

}  // namespace
}  // namespace latchkey

int main(int argc, char** argv) { return latchkey::Main(argc, argv); }
