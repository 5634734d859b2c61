// What a full store takes of the machine's memory while it is offered a
// multiple of its limit, in values of 1 B to 1 MiB whose usual size changes all
// the time. That is what an allocator finds hardest: what leaves is not of the
// size of what comes.
//
//   churn_bench [--limit-mib N] [--seconds N] [--threads N]
//               [--mib-per-second N]
//
// Of ten operations six put, three read and one deletes; keys are drawn from so
// many that all of them would take five times the limit or more.  Prints
// resident memory beside the limit as time goes on, and at the end the most
// that it was, the CPU time of an operation, and how often there was no room.
// Exits 1 where the most was over 1.1 x the limit + 64 MiB, or a read found
// what was not put.
//
// Another allocator is tried by LD_PRELOAD.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numbers>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "server/app/memory_watch.h"
#include "server/base/clock.h"
#include "server/base/random.h"
#include "server/ops/process_memory.h"
#include "server/runtime/asio_executor.h"
#include "server/runtime/deadline.h"
#include "server/store/store.h"
#include "tests/bench/workload.h"

namespace latchkey {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr double kMiB = 1024.0 * 1024.0;
constexpr size_t kValueBytesMax = 1024 * 1024;

// The usual size of a value, bytes; one after the other, each for a while.
constexpr double kMedians[] = {64, 512, 100, 8'192, 200, 65'536, 30, 2'048};
// Of the logarithm of a size: one value in 40 is over seven times the median or
// under a seventh.
constexpr double kSpread = 1.0;

struct Settings {
  size_t limit_mib = 256;
  int seconds = 60;
  int threads = 2;
  int mib_per_second = 400;
};

double CpuSeconds() {
  timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) +
         static_cast<double>(time.tv_nsec) * 1e-9;
}

class Churn {
 public:
  explicit Churn(const Settings& settings)
      : settings_(settings),
        // Written, so that what it takes is resident from the beginning.
        bytes_(kValueBytesMax, 'v'),
        store_({.memory_bytes_max = settings.limit_mib << 20}, clock_,
               random_) {}

  int Run() {
    base_mib_ = ResidentMiB();
    begin_ = SteadyClock::now();
    std::printf("seconds,median_bytes,used,resident,entries\n");
    const double cpu = CpuSeconds();
    AsioExecutor executor;
    MemoryWatch watch(store_, executor);
    watch.Start();
    std::vector<std::thread> threads;
    for (int i = 0; i < settings_.threads; ++i) {
      threads.emplace_back([this, i] { Work(static_cast<uint64_t>(i)); });
    }
    const auto end = begin_ + std::chrono::seconds(settings_.seconds);
    double most = 0;
    for (int step = 0; SteadyClock::now() < end; ++step) {
      phase_.store(static_cast<size_t>(step) / kStepsOfPhase);
      // lint: sleep allowed because this measures, and time has to pass.
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      const double resident = (ResidentMiB() - base_mib_) / limit_mib();
      most = std::max(most, resident);
      if (step % kStepsOfPhase != kStepsOfPhase - 1) continue;
      std::printf(
          "%d,%.0f,%.3f,%.3f,%llu\n", (step + 1) / 50, Median(),
          static_cast<double>(store_.memory().used()) / kMiB / limit_mib(),
          resident, static_cast<unsigned long long>(store_.Counters().entries));
      std::fflush(stdout);
    }
    stop_.store(true);
    for (std::thread& thread : threads) thread.join();
    const double bound = 1.1 + 64 / limit_mib();
    std::printf(
        "most resident: %.3f of the limit (bound %.3f); offered: %.1f x the "
        "limit; %.2f us of CPU an operation; no room: %llu; wrong: %llu\n",
        most, bound, static_cast<double>(offered_.load()) / kMiB / limit_mib(),
        (CpuSeconds() - cpu) * 1e6 / static_cast<double>(operations_.load()),
        static_cast<unsigned long long>(refused_.load()),
        static_cast<unsigned long long>(wrong_.load()));
    return most <= bound && wrong_.load() == 0 ? 0 : 1;
  }

 private:
  // Of 20 ms each.
  static constexpr size_t kStepsOfPhase = 100;

  double ResidentMiB() const {
    return static_cast<double>(memory_.Read().resident_bytes) / kMiB;
  }
  double limit_mib() const { return static_cast<double>(settings_.limit_mib); }
  double Median() const {
    return kMedians[phase_.load() % std::size(kMedians)];
  }

  // Log-normal, by the Box-Muller transform.
  size_t DrawSize(FastRandom& random) const {
    const auto uniform = [&random] {
      return (static_cast<double>(random.Next() >> 11) + 0.5) * 0x1.0p-53;
    };
    const double normal = std::sqrt(-2 * std::log(uniform())) *
                          std::cos(2 * std::numbers::pi * uniform());
    const double size = Median() * std::exp(kSpread * normal);
    return std::clamp<size_t>(static_cast<size_t>(size), 1, kValueBytesMax);
  }

  // Waits until `offered` bytes are due from one thread: no network brings what
  // a memory could take.
  void Pace(uint64_t offered) const {
    const double due_seconds = static_cast<double>(offered) / kMiB *
                               settings_.threads / settings_.mib_per_second;
    const auto due = begin_ + std::chrono::duration_cast<SteadyClock::duration>(
                                  std::chrono::duration<double>(due_seconds));
    if (SteadyClock::now() >= due) return;
    // lint: sleep allowed because a network would bring no more before.
    std::this_thread::sleep_until(due);
  }

  void Work(uint64_t seed) {
    FastRandom random(seed + 1);
    const DeadlineSource endless(kNever);
    uint64_t operations = 0;
    uint64_t offered = 0;
    while (!stop_.load(std::memory_order_relaxed)) {
      const size_t size = DrawSize(random);
      // As many keys as take five times the limit at this size.
      const uint64_t keys = 5 * (settings_.limit_mib << 20) / (size + 100) + 1;
      const std::array<uint64_t, 2> name = {MixBits(random.Next() % keys),
                                            size};
      const std::string_view key = {reinterpret_cast<const char*>(name.data()),
                                    sizeof(name)};
      const uint64_t kind = random.Next() % 10;
      if (kind < 6) {
        const Operation put = PutOperation{
            .key = key, .value = std::string_view(bytes_).substr(0, size)};
        if (!store_.Write({.on_success = {&put, 1}}, endless.token()).ok()) {
          refused_.fetch_add(1, std::memory_order_relaxed);
        }
        offered += size;
        Pace(offered);
      } else if (kind < 9) {
        const auto got = store_.Get({.key = key}, endless.token());
        // The size is part of the key.
        if (!got.ok() ||
            (got->found.entry && got->found.entry->value().size() != size)) {
          wrong_.fetch_add(1, std::memory_order_relaxed);
        }
      } else {
        const Operation remove = DeleteOperation{.key = key};
        if (!store_.Write({.on_success = {&remove, 1}}, endless.token()).ok()) {
          wrong_.fetch_add(1, std::memory_order_relaxed);
        }
      }
      ++operations;
    }
    operations_.fetch_add(operations, std::memory_order_relaxed);
    offered_.fetch_add(offered, std::memory_order_relaxed);
  }

  const Settings settings_;
  const std::string bytes_;
  const ProcessMemory memory_;
  SystemClock clock_;
  SystemRandom random_;
  Store store_;
  double base_mib_ = 0;
  SteadyClock::time_point begin_;
  std::atomic<size_t> phase_ = 0;
  std::atomic<bool> stop_ = false;
  std::atomic<uint64_t> operations_ = 0;
  std::atomic<uint64_t> offered_ = 0;
  std::atomic<uint64_t> refused_ = 0;
  std::atomic<uint64_t> wrong_ = 0;
};

int Main(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    const int value = i + 1 < argc ? std::atoi(argv[i + 1]) : 0;
    if (name == "--limit-mib" && value > 0) {
      settings.limit_mib = static_cast<size_t>(value);
    } else if (name == "--seconds" && value > 0) {
      settings.seconds = value;
    } else if (name == "--threads" && value > 0 && value <= 64) {
      settings.threads = value;
    } else if (name == "--mib-per-second" && value > 0) {
      settings.mib_per_second = value;
    } else {
      std::fprintf(stderr,
                   "usage: churn_bench [--limit-mib N] [--seconds N] "
                   "[--threads N] [--mib-per-second N]\n");
      return 2;
    }
  }
  return Churn(settings).Run();
}

}  // namespace
}  // namespace latchkey

int main(int argc, char** argv) { return latchkey::Main(argc, argv); }
