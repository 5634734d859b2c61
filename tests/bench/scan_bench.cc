// What a snapshot scan, and a million entries that expire in a second, do to a
// writer: the latency of Put over a million entries while a snapshot of them is
// read on another processor, or others of the store are swept there as they
// expire; in turns with that while the other processor does nothing, runs a
// loop that touches no memory, or does the same to another store.  The first is
// what a user sees; the last two tell what of it any busy neighbour would do.
// And for how long one slice of a scan holds its shard, in CPU time of the
// thread, so that it counts no other process, and the least of several times,
// so that it counts no interrupt.  Ends with 1 where a slice took over 100 us.
//
// Writer and scanner have a processor each, the last two that the program may
// use.  With `chrt -f 20` they have it for themselves.
//
//   scan_bench [--entries N] [--seconds N] [--rounds N]

#include <sched.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <deque>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "server/base/check.h"
#include "server/base/clock.h"
#include "server/base/random.h"
#include "server/runtime/deadline.h"
#include "server/store/shard_table.h"
#include "server/store/store.h"
#include "tests/bench/workload.h"

namespace latchkey {
namespace {

// A scan may hold a lock for as long.
constexpr int64_t kHoldMax = 100'000;

struct Options {
  uint64_t entries = 1'000'000;
  int seconds = 3;
  int rounds = 5;
};

int64_t ThreadCpuNanos() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * kNanosPerSecond + now.tv_nsec;
}

std::string KeyOf(uint64_t number) {
  char key[20];
  std::snprintf(key, sizeof(key), "key:%012llu",
                static_cast<unsigned long long>(number));
  return key;
}

int64_t Percentile(std::vector<int64_t>& sorted, double fraction) {
  const auto at =
      static_cast<size_t>(fraction * static_cast<double>(sorted.size() - 1));
  return sorted[at];
}

class Bench {
 public:
  explicit Bench(const Options& options)
      : options_(options),
        store_({.snapshot_bytes_max = size_t{1} << 40}, clock_, random_) {
    for (uint64_t i = 0; i < options_.entries; ++i) Put(i);
  }

  // Puts at random for the time of one turn; how long each took, sorted.
  std::vector<int64_t> TimePuts(int turn) {
    std::vector<int64_t> times;
    FastRandom random(static_cast<uint64_t>(turn));
    const UnixNanos end = clock_.Now() + options_.seconds * kNanosPerSecond;
    while (clock_.Now() < end) {
      const uint64_t number = random.Below(options_.entries);
      const auto begin = std::chrono::steady_clock::now();
      Put(number);
      times.push_back((std::chrono::steady_clock::now() - begin).count());
    }
    std::sort(times.begin(), times.end());
    return times;
  }

  ShardCounters Counters() const { return store_.Counters(); }

  // Puts as many others as there are entries for each second of a turn, which
  // expire evenly during the turn that begins now.
  void PutExpiring() {
    const uint64_t count =
        options_.entries * static_cast<uint64_t>(options_.seconds);
    // Longer than it takes to put them, by a machine that does other things.
    const UnixNanos begin =
        clock_.Now() + static_cast<Nanos>(count) * 10 * kNanosPerMicro;
    for (uint64_t i = 0; i < count; ++i) {
      const Nanos after = static_cast<Nanos>(i) * options_.seconds *
                          kNanosPerSecond / static_cast<Nanos>(count);
      Put(options_.entries + i,
          {.kind = Expiration::Kind::kAt, .at = begin + after});
    }
    while (clock_.Now() < begin) {
    }
  }

  // Sweeps until `done`, as a server does: a thousand entries at a time, with a
  // pause where there was less to do.
  void Sweep(const std::atomic<bool>& done) {
    constexpr size_t kStep = 1'000;
    UnixNanos next = 0;
    while (!done) {
      if (clock_.Now() < next) continue;
      if (store_.SweepExpired(kStep) == kStep) continue;
      next = clock_.Now() + 100 * kNanosPerMilli;
    }
    while (store_.SweepExpired(kStep) == kStep) {
    }
  }

  // Reads snapshots until `done`.
  void Scan(const std::atomic<bool>& done) {
    while (!done) {
      auto scan = store_.scanner().Start({.snapshot = true});
      LATCHKEY_CHECK(scan.ok(), "a snapshot begins");
      std::string resume_token;
      do {
        auto page = (*scan)->Next(endless_.token());
        LATCHKEY_CHECK(page.ok(), "a snapshot goes on");
        resume_token = page->resume_token;
        // To its end, else writers would go on leaving images for it.
      } while (!resume_token.empty());
    }
  }

 private:
  void Put(uint64_t number, const Expiration& expiration = {}) {
    const std::string key = KeyOf(number);
    const Operation put =
        PutOperation{.key = key, .value = value_, .expiration = expiration};
    auto result = store_.Write({.on_success = {&put, 1}}, endless_.token());
    LATCHKEY_CHECK(result.ok(), "a benchmark's write succeeds");
  }

  const Options options_;
  SystemClock clock_;
  SystemRandom random_;
  DeadlineSource endless_{kNever};
  const std::string value_ = std::string(64, 'v');
  Store store_;
};

// For how long a scan holds a shard's lock for each slice, in CPU time, sorted:
// the least of `rounds` times.  Half of the entries are changed before, so that
// images are read as well.
std::vector<int64_t> TimeSlices(uint64_t entries, int rounds) {
  SystemClock clock;
  SystemRandom random;
  const KeyHasher hasher(random);
  MemoryBudget memory;
  LedgerBudget budget(kNanosPerSecond, 0, memory);
  CommitSequence commits = 0;
  SnapshotCuts cuts(commits, size_t{1} << 40, memory);
  LeaseContext leases;
  AgeingDuel ageing;
  const auto shards = std::make_unique<ShardTable>(
      ShardContext{hasher, memory, budget, cuts, leases, ageing});
  const std::string value(64, 'v');
  const auto put = [&](uint64_t number) {
    const std::string key = KeyOf(number);
    const HashedKey hashed = {key, hasher.Hash(key)};
    EntryRef entry = Entry::Make(key, value, 0, kNever);
    entry->set_version(++commits);
    MemoryRoom room(memory);
    constexpr size_t more = 1;
    Shard& shard = (*shards)[hashed.shard()];
    ShardLock lock(shard);
    LATCHKEY_CHECK(room.TryGrow(shard.GrowthBytes(more)), "there is no limit");
    shard.Grow(more, room);
    shard.Put(hashed, std::move(entry));
  };
  for (uint64_t i = 0; i < entries; ++i) put(i);

  std::vector<int64_t> times;
  for (int round = 0; round < rounds; ++round) {
    cuts.Begin(0, "", clock);
    // The same in each round, and so are its slices.
    FastRandom numbers(7);
    for (uint64_t i = 0; i < entries / 2; ++i) put(numbers.Below(entries));
    size_t slice = 0;
    for (size_t index = 0; index < kShardCount; ++index) {
      Shard& shard = (*shards)[static_cast<ShardIndex>(index)];
      for (bool whole = false; !whole; ++slice) {
        std::vector<EntryView> views;
        views.reserve(Scanner::kSliceEntriesMax);
        std::deque<EntryView> images;
        size_t entries_left = Scanner::kSliceEntriesMax;
        ShardLock lock(shard);
        const int64_t begin = ThreadCpuNanos();
        whole = shard.snapshots().Read(0, &entries_left, &views, &images);
        const int64_t took = ThreadCpuNanos() - begin;
        if (round == 0) times.push_back(took);
        times[slice] = std::min(times[slice], took);
      }
    }
    LATCHKEY_CHECK(slice == times.size(), "each round has the same slices");
    cuts.End(0);
    for (size_t index = 0; index < kShardCount; ++index) {
      std::deque<EntryView> images;
      Shard& shard = (*shards)[static_cast<ShardIndex>(index)];
      ShardLock lock(shard);
      images = shard.snapshots().Forget(0);
    }
  }
  std::sort(times.begin(), times.end());
  return times;
}

// The least that the clock of TimeSlices() counts of itself.
int64_t ClockCpuNanos() {
  int64_t least = INT64_MAX;
  for (int i = 0; i < 1'000; ++i) {
    const int64_t begin = ThreadCpuNanos();
    least = std::min(least, ThreadCpuNanos() - begin);
  }
  return least;
}

double Micros(int64_t nanos) { return static_cast<double>(nanos) / 1'000; }

struct Turn {
  // How long each Put took, sorted.
  std::vector<int64_t> times;
  // How often writer and neighbour waited for a lock of the other, and how long
  // in all.
  uint64_t lock_waits = 0;
  Nanos lock_wait_sum = 0;
};

void Report(const char* what, Turn& turn) {
  std::vector<int64_t>& times = turn.times;
  std::printf(
      "%-16s %9zu puts  p50 %7.2f  p99 %7.2f  p99.9 %8.2f us; locks: %6llu "
      "waits, %5.2f us in the mean\n",
      what, times.size(), Micros(Percentile(times, 0.5)),
      Micros(Percentile(times, 0.99)), Micros(Percentile(times, 0.999)),
      static_cast<unsigned long long>(turn.lock_waits),
      turn.lock_waits == 0
          ? 0.0
          : Micros(turn.lock_wait_sum) / static_cast<double>(turn.lock_waits));
}

// What runs beside the writer.
enum class Neighbour {
  kNone,
  kLoop,
  kScanOfOther,
  kScan,
  kExpiryOfOther,
  kExpiry
};
constexpr const char* kNames[] = {"nothing",          "a loop",
                                  "another's scan",   "a scan",
                                  "another's expiry", "expiry"};
constexpr size_t kKinds = std::size(kNames);

// Binds the calling thread to the last of `processors` but `number`, where
// there are so many.
void BindTo(const cpu_set_t& processors, int number) {
  for (int i = CPU_SETSIZE - 1; i >= 0; --i) {
    if (!CPU_ISSET(i, &processors) || number-- > 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(i, &one);
    LATCHKEY_CHECK(sched_setaffinity(0, sizeof(one), &one) == 0,
                   "a thread may use what its process may");
    return;
  }
}

class Turns {
 public:
  explicit Turns(const Options& options) : bench_(options), other_(options) {
    LATCHKEY_CHECK(sched_getaffinity(0, sizeof(processors_), &processors_) == 0,
                   "a process may know its processors");
  }

  // Puts beside `neighbour`.
  Turn TimePuts(Neighbour neighbour, int turn) {
    if (neighbour == Neighbour::kExpiryOfOther) other_.PutExpiring();
    if (neighbour == Neighbour::kExpiry) bench_.PutExpiring();
    std::atomic<bool> done = false;
    // A thread is bound as its maker; one that had to wait for the writer's
    // processor to bind itself would wait for the writer.
    BindTo(processors_, 1);
    std::jthread busy([&] {
      switch (neighbour) {
        case Neighbour::kNone:
          break;
        case Neighbour::kLoop:
          while (!done) {
          }
          break;
        case Neighbour::kScanOfOther:
          other_.Scan(done);
          break;
        case Neighbour::kScan:
          bench_.Scan(done);
          break;
        case Neighbour::kExpiryOfOther:
          other_.Sweep(done);
          break;
        case Neighbour::kExpiry:
          bench_.Sweep(done);
          break;
      }
    });
    BindTo(processors_, 0);
    const ShardCounters before = bench_.Counters();
    Turn result = {.times = bench_.TimePuts(turn)};
    const ShardCounters after = bench_.Counters();
    done = true;
    result.lock_waits = after.lock_waits - before.lock_waits;
    result.lock_wait_sum = after.lock_wait_sum - before.lock_wait_sum;
    return result;
  }

 private:
  Bench bench_;
  Bench other_;
  cpu_set_t processors_;
};

// Whether no slice was too long.
bool Run(const Options& options) {
  Turns turns(options);
  std::array<std::vector<int64_t>, kKinds> tails;
  for (int turn = 0; turn < options.rounds * static_cast<int>(kKinds); ++turn) {
    const size_t kind = static_cast<size_t>(turn) % kKinds;
    Turn result = turns.TimePuts(static_cast<Neighbour>(kind), turn);
    Report(kNames[kind], result);
    tails[kind].push_back(Percentile(result.times, 0.999));
  }
  for (auto& tail : tails) std::sort(tail.begin(), tail.end());
  const auto tail_of = [&](Neighbour neighbour) {
    return Percentile(tails[static_cast<size_t>(neighbour)], 0.5);
  };
  for (size_t kind = 0; kind < kKinds; ++kind) {
    const int64_t tail = tail_of(static_cast<Neighbour>(kind));
    const auto times = [&](Neighbour neighbour) {
      return static_cast<double>(tail_of(neighbour)) /
             static_cast<double>(tail);
    };
    std::printf(
        "beside %-16s p99.9, median of rounds: %6.2f us; a scan: x %.2f, "
        "expiry: "
        "x %.2f\n",
        kNames[kind], Micros(tail), times(Neighbour::kScan),
        times(Neighbour::kExpiry));
  }
  std::vector<int64_t> slices = TimeSlices(options.entries, options.rounds);
  std::printf(
      "locks held by a scan: %zu, p50 %.2f, p99.9 %.2f, longest %.2f us, of "
      "which the clock takes %.2f\n",
      slices.size(), Micros(Percentile(slices, 0.5)),
      Micros(Percentile(slices, 0.999)), Micros(slices.back()),
      Micros(ClockCpuNanos()));
  return slices.back() <= kHoldMax;
}

}  // namespace
}  // namespace latchkey

int main(int argc, char** argv) {
  latchkey::Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const int64_t number = std::atoll(argv[i + 1]);
    if (std::strcmp(argv[i], "--entries") == 0) {
      options.entries = static_cast<uint64_t>(number);
    } else if (std::strcmp(argv[i], "--seconds") == 0) {
      options.seconds = static_cast<int>(number);
    } else if (std::strcmp(argv[i], "--rounds") == 0) {
      options.rounds = static_cast<int>(number);
    } else {
      std::fprintf(stderr, "scan_bench: no such option: %s\n", argv[i]);
      return 2;
    }
  }
  return latchkey::Run(options) ? 0 : 1;
}
