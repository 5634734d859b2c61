// How long a Put takes while a store grows to as many entries as are asked for:
// no write may wait for a table to be made anew.  In CPU time of the thread, so
// that it counts no other process, for each tenfold of the entries; and the
// longest of all, which is told twice: as it was, and where a second store,
// filled in the same way, took the least of both for the same Put, so that it
// counts no interrupt.  Ends with 1 where that was over a millisecond.
//
//   growth_bench [--entries N]

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <numeric>
#include <string>
#include <vector>

#include "server/base/check.h"
#include "server/base/clock.h"
#include "server/runtime/deadline.h"
#include "server/store/store.h"
#include "tests/support/seeded_random.h"

namespace latchkey {
namespace {

constexpr uint32_t kPauseMax = 1'000'000;

int64_t ThreadCpuNanos() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * kNanosPerSecond + now.tv_nsec;
}

// Fills a store; each Put's time goes into `times`, or the least of it and what
// is there.
void Fill(size_t entries, std::vector<uint32_t>& times) {
  SystemClock clock;
  // The same secret for the hash of keys, so that both grow alike.
  SeededRandom random(1);
  DeadlineSource endless(kNever);
  Store store({}, clock, random);
  const std::string value(8, 'v');
  for (size_t i = 0; i < entries; ++i) {
    char key[40];
    std::snprintf(key, sizeof(key), "key:%012zu", i);
    const Operation put = PutOperation{.key = key, .value = value};
    const int64_t begin = ThreadCpuNanos();
    const auto written =
        store.Write({.on_success = {&put, 1}}, endless.token());
    const auto took = static_cast<uint32_t>(ThreadCpuNanos() - begin);
    LATCHKEY_CHECK(written.ok(), "a benchmark's write succeeds");
    times[i] = std::min(times[i], took);
  }
}

double Micros(uint32_t nanos) { return nanos / 1'000.0; }

void Report(size_t first, size_t last, const std::vector<uint32_t>& times) {
  std::vector<uint32_t> sorted(times.begin() + static_cast<ptrdiff_t>(first),
                               times.begin() + static_cast<ptrdiff_t>(last));
  std::sort(sorted.begin(), sorted.end());
  const auto at = [&](double part) {
    return Micros(sorted[static_cast<size_t>(
        part * static_cast<double>(sorted.size() - 1))]);
  };
  const double mean = std::accumulate(sorted.begin(), sorted.end(), 0.0) /
                      static_cast<double>(sorted.size()) / 1'000;
  std::printf(
      "%10zu to %10zu  mean %5.2f  p50 %5.2f  p99.9 %6.2f  longest %8.2f us\n",
      first, last, mean, at(0.5), at(0.999), at(1));
}

bool Run(size_t entries) {
  std::vector<uint32_t> times(entries, UINT32_MAX);
  Fill(entries, times);
  const uint32_t once = *std::max_element(times.begin(), times.end());
  Fill(entries, times);
  for (size_t first = 0, last = 1'000; first < entries;
       first = last, last *= 10) {
    Report(first, std::min(last, entries), times);
  }
  const uint32_t longest = *std::max_element(times.begin(), times.end());
  std::printf("the longest of all: once %.2f us, the least of two %.2f us\n",
              Micros(once), Micros(longest));
  return longest <= kPauseMax;
}

}  // namespace
}  // namespace latchkey

int main(int argc, char** argv) {
  size_t entries = 10'000'000;
  if (argc == 3 && std::strcmp(argv[1], "--entries") == 0) {
    entries = std::strtoull(argv[2], nullptr, 10);
  } else if (argc != 1) {
    std::fprintf(stderr, "usage: growth_bench [--entries N]\n");
    return 2;
  }
  return latchkey::Run(std::max<size_t>(entries, 1)) ? 0 : 1;
}
