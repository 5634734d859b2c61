// The choice: 256 shards, each with a lock of its own, not one lock for all.
// A read, or in one of ten cases a write, of a table under its lock.

#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <memory>

#include "absl/container/flat_hash_map.h"
#include "server/base/mutex.h"
#include "tests/bench/workload.h"

namespace latchkey {
namespace {

template <size_t kLocks>
class StripedTable {
 public:
  StripedTable() {
    for (uint64_t key = 0; key < kBenchKeys; ++key) Write(key, key);
  }

  uint64_t Read(uint64_t key) {
    Stripe& stripe = StripeOf(key);
    MutexLock lock(stripe.mutex);
    return stripe.table.find(key)->second;
  }

  void Write(uint64_t key, uint64_t value) {
    Stripe& stripe = StripeOf(key);
    MutexLock lock(stripe.mutex);
    stripe.table[key] = value;
  }

 private:
  struct alignas(64) Stripe {
    Mutex mutex;
    absl::flat_hash_map<uint64_t, uint64_t> table ABSL_GUARDED_BY(mutex);
  };

  Stripe& StripeOf(uint64_t key) { return stripes_[MixBits(key) % kLocks]; }

  std::array<Stripe, kLocks> stripes_;
};

template <size_t kLocks, KeyNumbers::Kind kKind>
void Locks(benchmark::State& state) {
  static auto* table = new StripedTable<kLocks>();
  KeyNumbers numbers(kKind, static_cast<uint64_t>(state.thread_index()) + 1);
  uint64_t count = 0;
  for (auto _ : state) {
    const uint64_t key = numbers.Next();
    if (++count % 10 == 0) {
      table->Write(key, count);
    } else {
      benchmark::DoNotOptimize(table->Read(key));
    }
  }
}

void OneLockUniform(benchmark::State& state) {
  Locks<1, KeyNumbers::Kind::kUniform>(state);
}
void OneLockZipf(benchmark::State& state) {
  Locks<1, KeyNumbers::Kind::kZipf>(state);
}
void ManyLocksUniform(benchmark::State& state) {
  Locks<256, KeyNumbers::Kind::kUniform>(state);
}
void ManyLocksZipf(benchmark::State& state) {
  Locks<256, KeyNumbers::Kind::kZipf>(state);
}

BENCHMARK(OneLockUniform)->Threads(1)->Threads(2)->Threads(4);
BENCHMARK(ManyLocksUniform)->Threads(1)->Threads(2)->Threads(4);
BENCHMARK(OneLockZipf)->Threads(1)->Threads(2)->Threads(4);
BENCHMARK(ManyLocksZipf)->Threads(1)->Threads(2)->Threads(4);

}  // namespace
}  // namespace latchkey
