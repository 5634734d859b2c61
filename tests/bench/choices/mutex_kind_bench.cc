// The choice: a plain mutex for each shard, not a reader-writer one.  Only
// reads, which is the case for reader-writer mutexes: of 256 shards, and of
// one.

#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <shared_mutex>

#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "server/base/mutex.h"
#include "tests/bench/workload.h"

namespace latchkey {
namespace {

// Each kind of lock: a mutex, and what holds it for a read.
struct Plain {
  using MutexType = Mutex;
  using ReadLock = MutexLock;
};

struct SharedMutex {
  using MutexType = std::shared_mutex;
  using ReadLock = std::shared_lock<std::shared_mutex>;
};

// The packaged abseil looks for deadlocks on each lock unless told not to.
struct AbseilMutex {
  struct MutexType {
    MutexType() {
      absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
    }
    absl::Mutex mutex;
  };
  struct ReadLock {
    explicit ReadLock(MutexType& held) : lock(&held.mutex) {}
    absl::ReaderMutexLock lock;
  };
};

template <typename Kind, size_t kShards>
class ReadOnlyTable {
 public:
  ReadOnlyTable() {
    for (uint64_t key = 0; key < kBenchKeys; ++key) {
      ShardOf(key).table[key] = key;
    }
  }

  // The annotations of three kinds of mutex do not go through a template.
  uint64_t Read(uint64_t key) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    Shard& shard = ShardOf(key);
    typename Kind::ReadLock lock(shard.mutex);
    return shard.table.find(key)->second;
  }

 private:
  struct alignas(64) Shard {
    typename Kind::MutexType mutex;
    absl::flat_hash_map<uint64_t, uint64_t> table;
  };

  Shard& ShardOf(uint64_t key) { return shards_[MixBits(key) % kShards]; }

  std::array<Shard, kShards> shards_;
};

template <typename Kind, size_t kShards>
void Reads(benchmark::State& state) {
  static auto* table = new ReadOnlyTable<Kind, kShards>();
  KeyNumbers numbers(KeyNumbers::Kind::kUniform,
                     static_cast<uint64_t>(state.thread_index()) + 1);
  for (auto _ : state) {
    benchmark::DoNotOptimize(table->Read(numbers.Next()));
  }
}

BENCHMARK(Reads<Plain, 256>)->Threads(1)->Threads(2)->Threads(4);
BENCHMARK(Reads<SharedMutex, 256>)->Threads(1)->Threads(2)->Threads(4);
BENCHMARK(Reads<AbseilMutex, 256>)->Threads(1)->Threads(2)->Threads(4);
BENCHMARK(Reads<Plain, 1>)->Threads(1)->Threads(2)->Threads(4);
BENCHMARK(Reads<SharedMutex, 1>)->Threads(1)->Threads(2)->Threads(4);
BENCHMARK(Reads<AbseilMutex, 1>)->Threads(1)->Threads(2)->Threads(4);

}  // namespace
}  // namespace latchkey
