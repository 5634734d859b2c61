// The choice: a point operation runs to completion on the thread that read it,
// not on a pool, and not on a thread that owns its shard.  In each turn the
// thread that reads requests hands over as many as are in flight (the argument)
// and goes on when all are answered.  The CPU column is that of the whole
// process for one operation.

#include <benchmark/benchmark.h>

#include <array>
#include <asio/post.hpp>
#include <asio/thread_pool.hpp>
#include <condition_variable>
#include <cstdint>
#include <latch>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "server/base/mutex.h"
#include "tests/bench/workload.h"

namespace latchkey {
namespace {

constexpr size_t kWorkers = 2;
constexpr size_t kShards = 256;

// The work: a look-up in a shard, under its lock.
class Table {
 public:
  Table() {
    for (uint64_t key = 0; key < kBenchKeys; ++key) {
      Shard& shard = ShardOf(key);
      MutexLock lock(shard.mutex);
      shard.table[key] = key;
    }
  }

  uint64_t Read(uint64_t key) {
    Shard& shard = ShardOf(key);
    MutexLock lock(shard.mutex);
    return shard.table.find(key)->second;
  }

  // By the only thread that uses the shard: no lock.
  uint64_t ReadOwned(uint64_t key) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return ShardOf(key).table.find(key)->second;
  }

  static size_t OwnerOf(uint64_t key) { return MixBits(key) % kWorkers; }

 private:
  struct alignas(64) Shard {
    Mutex mutex;
    absl::flat_hash_map<uint64_t, uint64_t> table ABSL_GUARDED_BY(mutex);
  };

  // kShards is a multiple of kWorkers, so that a shard has one owner.
  Shard& ShardOf(uint64_t key) { return shards_[MixBits(key) % kShards]; }

  std::array<Shard, kShards> shards_;
};

Table& TheTable() {
  static auto* table = new Table();
  return *table;
}

struct Mailbox;

struct Message {
  uint64_t key = 0;
  uint64_t value = 0;
  std::latch* done = nullptr;   // To a pool: whom to tell.
  Mailbox* reply_to = nullptr;  // To an owner: where the answer goes.
};

// A queue under a mutex, with a condition to wait for messages.
struct Mailbox {
  void Post(const Message& message) {
    {
      std::lock_guard lock(mutex);
      messages.push_back(message);
    }
    filled.notify_one();
  }

  void Close() {
    {
      std::lock_guard lock(mutex);
      closed = true;
    }
    filled.notify_all();
  }

  // Waits for a message; false when the box is closed.
  bool TakeOne(Message& message) {
    std::unique_lock lock(mutex);
    filled.wait(lock, [this] { return closed || taken < messages.size(); });
    if (closed) return false;
    message = messages[taken++];
    if (taken == messages.size()) {
      messages.clear();
      taken = 0;
    }
    return true;
  }

  // Waits for messages and takes all that are there; false when closed.
  bool TakeAll(std::vector<Message>& out) {
    out.clear();
    std::unique_lock lock(mutex);
    filled.wait(lock, [this] { return closed || !messages.empty(); });
    if (closed) return false;
    out.swap(messages);
    return true;
  }

  std::mutex mutex;
  std::condition_variable filled;
  std::vector<Message> messages;
  size_t taken = 0;
  bool closed = false;
};

// Runs one turn after the other; each counts as as many iterations as it has
// operations.
template <typename Turn>
void RunTurns(benchmark::State& state, Turn turn) {
  KeyNumbers numbers(KeyNumbers::Kind::kUniform, 1);
  TheTable();
  while (state.KeepRunningBatch(state.range(0))) {
    turn(numbers, state.range(0));
  }
}

void RunToCompletion(benchmark::State& state) {
  RunTurns(state, [](KeyNumbers& numbers, int64_t in_flight) {
    for (int64_t i = 0; i < in_flight; ++i) {
      benchmark::DoNotOptimize(TheTable().Read(numbers.Next()));
    }
  });
}

void AsioPool(benchmark::State& state) {
  asio::thread_pool pool(kWorkers);
  RunTurns(state, [&pool](KeyNumbers& numbers, int64_t in_flight) {
    std::latch done(in_flight);
    for (int64_t i = 0; i < in_flight; ++i) {
      asio::post(pool, [key = numbers.Next(), &done] {
        benchmark::DoNotOptimize(TheTable().Read(key));
        done.count_down();
      });
    }
    done.wait();
  });
  pool.join();
}

void QueuePool(benchmark::State& state) {
  Mailbox box;
  std::vector<std::jthread> workers;
  for (size_t i = 0; i < kWorkers; ++i) {
    workers.emplace_back([&box] {
      for (Message message; box.TakeOne(message);) {
        benchmark::DoNotOptimize(TheTable().Read(message.key));
        message.done->count_down();
      }
    });
  }
  RunTurns(state, [&box](KeyNumbers& numbers, int64_t in_flight) {
    std::latch done(in_flight);
    for (int64_t i = 0; i < in_flight; ++i) {
      box.Post({.key = numbers.Next(), .done = &done});
    }
    done.wait();
  });
  box.Close();
}

void OwnerThread(benchmark::State& state) {
  std::array<Mailbox, kWorkers> boxes;
  Mailbox replies;
  std::vector<std::jthread> owners;
  for (Mailbox& box : boxes) {
    owners.emplace_back([&box] {
      for (std::vector<Message> messages; box.TakeAll(messages);) {
        for (Message& message : messages) {
          message.value = TheTable().ReadOwned(message.key);
          message.reply_to->Post(message);
        }
      }
    });
  }
  RunTurns(state, [&](KeyNumbers& numbers, int64_t in_flight) {
    for (int64_t i = 0; i < in_flight; ++i) {
      const uint64_t key = numbers.Next();
      boxes[Table::OwnerOf(key)].Post({.key = key, .reply_to = &replies});
    }
    std::vector<Message> answered;
    for (int64_t left = in_flight; left > 0;) {
      replies.TakeAll(answered);
      left -= static_cast<int64_t>(answered.size());
    }
  });
  for (Mailbox& box : boxes) box.Close();
}

BENCHMARK(RunToCompletion)->Arg(1)->Arg(16)->MeasureProcessCPUTime();
BENCHMARK(AsioPool)->Arg(1)->Arg(16)->MeasureProcessCPUTime();
BENCHMARK(QueuePool)->Arg(1)->Arg(16)->MeasureProcessCPUTime();
BENCHMARK(OwnerThread)->Arg(1)->Arg(16)->MeasureProcessCPUTime();

}  // namespace
}  // namespace latchkey
