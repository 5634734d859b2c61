// The choice: counters of metrics are per thread, the one commit sequence is
// one atomic, and neither is behind a mutex.

#include <benchmark/benchmark.h>

#include <array>
#include <atomic>
#include <cstdint>

#include "server/base/mutex.h"

namespace latchkey {
namespace {

constexpr int kThreadsMax = 4;

void OneAtomic(benchmark::State& state) {
  static std::atomic<uint64_t> counter = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(counter.fetch_add(1));
  }
}

void PerThread(benchmark::State& state) {
  struct alignas(64) Slot {
    std::atomic<uint64_t> counter = 0;
  };
  static std::array<Slot, kThreadsMax> slots;
  std::atomic<uint64_t>& counter =
      slots[static_cast<size_t>(state.thread_index())].counter;
  // Only its thread writes it, so no read-modify-write is needed.
  for (auto _ : state) {
    counter.store(counter.load(std::memory_order_relaxed) + 1,
                  std::memory_order_relaxed);
  }
}

void UnderMutex(benchmark::State& state) {
  static struct {
    Mutex mutex;
    uint64_t counter ABSL_GUARDED_BY(mutex) = 0;
  } shared;
  for (auto _ : state) {
    MutexLock lock(shared.mutex);
    benchmark::DoNotOptimize(++shared.counter);
  }
}

BENCHMARK(OneAtomic)->Threads(1)->Threads(2)->Threads(kThreadsMax);
BENCHMARK(PerThread)->Threads(1)->Threads(2)->Threads(kThreadsMax);
BENCHMARK(UnderMutex)->Threads(1)->Threads(2)->Threads(kThreadsMax);

}  // namespace
}  // namespace latchkey
