// What one operation of the store costs, by number of threads: 100,000 keys of
// 16 bytes, values of 64 bytes or counters, 100,000 kept outcomes of keyed
// writes.

#include <benchmark/benchmark.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/check.h"
#include "server/base/clock.h"
#include "server/base/random.h"
#include "server/runtime/deadline.h"
#include "server/store/store.h"
#include "tests/bench/workload.h"

namespace latchkey {
namespace {

constexpr size_t kValueBytes = 64;
constexpr size_t kBatchKeys = 16;

// How many outcomes are kept once keyed writes forget as many as they make, and
// how far time moves for each of them.
constexpr Nanos kRecordsKept = 100'000;
constexpr Nanos kTimePerKeyedWrite = kNanosPerMicro;

// Costs what the system's clock costs, but shows a time that only keyed writes
// move: so the ledger holds as many records however fast they come.
class BenchClock final : public Clock {
 public:
  UnixNanos Now() const override {
    benchmark::DoNotOptimize(system_.Now());
    return now_.load(std::memory_order_relaxed);
  }

  void Advance(Nanos time) { now_.fetch_add(time, std::memory_order_relaxed); }

 private:
  const SystemClock system_;
  std::atomic<UnixNanos> now_ = system_.Now();
};

// A store with its keys.
class Bed {
 public:
  explicit Bed(std::string_view value)
      : store_({.idempotency_window = kRecordsKept * kTimePerKeyedWrite},
               clock_, random_) {
    keys_.reserve(kBenchKeys);
    for (uint64_t i = 0; i < kBenchKeys; ++i) {
      char key[17];
      std::snprintf(key, sizeof(key), "key:%012llu",
                    static_cast<unsigned long long>(i));
      keys_.emplace_back(key);
      Write(PutOperation{.key = keys_.back(), .value = value});
    }
  }

  std::string_view key(uint64_t number) const { return keys_[number]; }
  Store& store() { return store_; }
  DeadlineToken token() const { return endless_.token(); }

  void Write(const Operation& operation) {
    auto result = store_.Write({.on_success = {&operation, 1}}, token());
    LATCHKEY_CHECK(result.ok(), "a benchmark's write succeeds");
    benchmark::DoNotOptimize(result);
  }

  // Lets the time pass that so many keyed writes take.
  void Advance(int keyed_writes) {
    clock_.Advance(keyed_writes * kTimePerKeyedWrite);
  }

  void WriteOnce(const Operation& operation, const IdempotentWrite& keyed) {
    auto answer =
        store_.WriteOnce({.on_success = {&operation, 1}}, keyed, token());
    LATCHKEY_CHECK(answer.outcome.ok(), "a benchmark's write succeeds");
    benchmark::DoNotOptimize(answer);
  }

 private:
  BenchClock clock_;
  SystemRandom random_;
  DeadlineSource endless_{kNever};
  Store store_;
  std::vector<std::string> keys_;
};

const std::string& Value() {
  static const auto* value = new std::string(kValueBytes, 'v');
  return *value;
}

// CPU time of the calling thread.
Nanos ThreadCpuNow() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * kNanosPerSecond + now.tv_nsec;
}

// REQUIRES: there are values.
double Median(std::vector<double> values) {
  const auto middle = values.begin() + std::ssize(values) / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Made at their first use; every benchmark leaves them as it found them.
Bed& Texts() {
  static auto* bed = new Bed(Value());
  return *bed;
}
Bed& Counters() {
  static auto* bed = new Bed("1000000");
  return *bed;
}

KeyNumbers NumbersOf(const benchmark::State& state) {
  return KeyNumbers(KeyNumbers::Kind::kUniform,
                    static_cast<uint64_t>(state.thread_index()) + 1);
}

// The keys of a thread's requests, one after the other in memory: a request has
// just been read when the store sees its key.
class RequestKeys {
 public:
  RequestKeys(const Bed& bed, const benchmark::State& state)
      : texts_(KeyNumbers::kCount) {
    KeyNumbers numbers = NumbersOf(state);
    for (Text& text : texts_) {
      const std::string_view key = bed.key(numbers.Next());
      LATCHKEY_CHECK(key.size() == text.size(), "keys have 16 bytes");
      std::copy(key.begin(), key.end(), text.begin());
    }
  }

  std::string_view Next() {
    const Text& text = texts_[next_++ % texts_.size()];
    return {text.data(), text.size()};
  }

 private:
  using Text = std::array<char, 16>;

  std::vector<Text> texts_;
  size_t next_ = 0;
};

void Get(benchmark::State& state) {
  Bed& bed = Texts();
  RequestKeys keys(bed, state);
  for (auto _ : state) {
    auto result = bed.store().Get({.key = keys.Next()}, bed.token());
    benchmark::DoNotOptimize(result);
  }
}

void Put(benchmark::State& state) {
  Bed& bed = Texts();
  RequestKeys keys(bed, state);
  for (auto _ : state) {
    bed.Write(PutOperation{.key = keys.Next(), .value = Value()});
  }
}

// Idempotency keys of 16 bytes, none of them twice.
class IdempotencyKeys {
 public:
  IdempotencyKeys() : random_(MixBits(++seed_)) {}

  // A Put under a key of its own.
  void Put(Bed& bed, std::string_view key) {
    // Seldom, so that what is measured is the store.
    constexpr int kWritesPerAdvance = 16;
    if (++writes_ % kWritesPerAdvance == 0) bed.Advance(kWritesPerAdvance);
    const std::array<uint64_t, 2> id = {random_.Next(), random_.Next()};
    bed.WriteOnce(
        PutOperation{.key = key, .value = Value()},
        {.scope = {.principal = {},
                   .key = {reinterpret_cast<const char*>(&id), sizeof(id)}},
         .fingerprint = {id[0], id[1]}});
  }

 private:
  static inline std::atomic<uint64_t> seed_ = 0;

  FastRandom random_;
  int writes_ = 0;
};

void KeyedPut(benchmark::State& state) {
  Bed& bed = Texts();
  RequestKeys keys(bed, state);
  IdempotencyKeys ids;
  for (auto _ : state) ids.Put(bed, keys.Next());
}

// What an idempotency key costs a Put: blocks of plain and of keyed ones in
// turns, short enough that both meet the same caches and the same neighbours on
// the machine.  The counters are the medians over the blocks, and their ratio.
void PutPlainAndKeyed(benchmark::State& state) {
  constexpr size_t kBlock = 500;
  Bed& bed = Texts();
  RequestKeys keys(bed, state);
  IdempotencyKeys ids;
  std::vector<double> plain;
  std::vector<double> keyed;
  const auto nanos_each = [](auto write) {
    const Nanos start = ThreadCpuNow();
    for (size_t i = 0; i < kBlock; ++i) write();
    return static_cast<double>(ThreadCpuNow() - start) / kBlock;
  };
  for (auto _ : state) {
    plain.push_back(nanos_each([&] {
      bed.Write(PutOperation{.key = keys.Next(), .value = Value()});
    }));
    keyed.push_back(nanos_each([&] { ids.Put(bed, keys.Next()); }));
  }
  state.counters["plain_ns"] = Median(plain);
  state.counters["keyed_ns"] = Median(keyed);
  state.counters["ratio"] = Median(keyed) / Median(plain);
}

// A store to which new keys come, one after the other.
class Inflow {
 public:
  explicit Inflow(size_t memory_bytes_max)
      : store_({.memory_bytes_max = memory_bytes_max}, clock_, random_) {}

  void Put() {
    const std::array<uint64_t, 2> key = {MixBits(next_), next_};
    ++next_;
    const Operation put = PutOperation{
        .key = {reinterpret_cast<const char*>(key.data()), sizeof(key)},
        .value = Value()};
    auto result = store_.Write({.on_success = {&put, 1}}, endless_.token());
    LATCHKEY_CHECK(result.ok(), "something can leave");
  }

  uint64_t evicted() const { return store_.Counters().evicted; }

 private:
  SystemClock clock_;
  SystemRandom random_;
  DeadlineSource endless_{kNever};
  Store store_;
  uint64_t next_ = 0;
};

// What a full store costs a Put of a new key, in turns with one that has room;
// as PutPlainAndKeyed.
void PutWithRoomAndFull(benchmark::State& state) {
  constexpr size_t kBlock = 500;
  Inflow room(MemoryBudget::kNoLimit);
  Inflow full(20'000'000);
  for (uint64_t i = 0; i < kBenchKeys; ++i) room.Put();
  while (full.evicted() < kBenchKeys) {
    for (size_t i = 0; i < kBlock; ++i) full.Put();
  }
  std::vector<double> with_room;
  std::vector<double> when_full;
  const auto nanos_each = [](Inflow& inflow) {
    const Nanos start = ThreadCpuNow();
    for (size_t i = 0; i < kBlock; ++i) inflow.Put();
    return static_cast<double>(ThreadCpuNow() - start) / kBlock;
  };
  for (auto _ : state) {
    with_room.push_back(nanos_each(room));
    when_full.push_back(nanos_each(full));
  }
  state.counters["room_ns"] = Median(with_room);
  state.counters["full_ns"] = Median(when_full);
  state.counters["ratio"] = Median(when_full) / Median(with_room);
}

void Increment(benchmark::State& state) {
  Bed& bed = Counters();
  RequestKeys keys(bed, state);
  for (auto _ : state) {
    bed.Write(IncrementOperation{.key = keys.Next(), .delta = 1});
  }
}

// Two moves an iteration.  Each thread has keys of its own, else one would find
// what it wants to move on its way with another.
void MoveThereAndBack(benchmark::State& state) {
  Bed& bed = Texts();
  KeyNumbers numbers = NumbersOf(state);
  const std::string other = "other:" + std::to_string(state.thread_index());
  const auto threads = static_cast<uint64_t>(state.threads());
  const auto index = static_cast<uint64_t>(state.thread_index());
  for (auto _ : state) {
    const uint64_t own = numbers.Next() / threads * threads + index;
    const std::string_view key = bed.key(own % kBenchKeys);
    bed.Write(MoveOperation{.source_key = key, .destination_key = other});
    bed.Write(MoveOperation{.source_key = other, .destination_key = key});
  }
}

void Transfer(benchmark::State& state) {
  Bed& bed = Counters();
  KeyNumbers numbers = NumbersOf(state);
  for (auto _ : state) {
    const uint64_t from = numbers.Next();
    bed.Write(
        TransferOperation{.source_key = bed.key(from),
                          .destination_key = bed.key((from + 1) % kBenchKeys),
                          .amount = 1,
                          .source_min = INT64_MIN});
  }
}

// A compare, two reads and two writes, over four keys.
void Transact(benchmark::State& state) {
  Bed& bed = Texts();
  RequestKeys keys(bed, state);
  for (auto _ : state) {
    const std::string_view first = keys.Next();
    const std::string_view second = keys.Next();
    const Compare compare = {
        first, {.kind = Precondition::Kind::kValue, .value = Value()}};
    const std::array<Operation, 4> operations = {
        GetOperation{.key = keys.Next()}, GetOperation{.key = keys.Next()},
        PutOperation{.key = first, .value = Value()},
        PutOperation{.key = second, .value = Value()}};
    auto result = bed.store().Write({.form = Transaction::Form::kTransact,
                                     .compares = {&compare, 1},
                                     .on_success = operations},
                                    bed.token());
    benchmark::DoNotOptimize(result);
  }
}

std::array<std::string_view, kBatchKeys> NextKeys(RequestKeys& keys) {
  std::array<std::string_view, kBatchKeys> batch;
  for (std::string_view& key : batch) key = keys.Next();
  return batch;
}

// 16 keys an iteration.
void BatchGet(benchmark::State& state) {
  Bed& bed = Texts();
  RequestKeys keys(bed, state);
  for (auto _ : state) {
    const auto batch = NextKeys(keys);
    auto result = bed.store().BatchGet(batch, bed.token());
    benchmark::DoNotOptimize(result);
  }
}

// 16 keys an iteration.
void BatchGetAtomic(benchmark::State& state) {
  Bed& bed = Texts();
  RequestKeys keys(bed, state);
  for (auto _ : state) {
    const auto batch = NextKeys(keys);
    auto result = bed.store().BatchGetAtomic(batch, bed.token());
    benchmark::DoNotOptimize(result);
  }
}

BENCHMARK(Get)->Threads(1)->Threads(2)->Threads(4);
BENCHMARK(Put)->Threads(1)->Threads(2)->Threads(4);
BENCHMARK(KeyedPut)->Threads(1)->Threads(2)->Threads(4);
BENCHMARK(PutPlainAndKeyed);
BENCHMARK(PutWithRoomAndFull)->Iterations(200);
BENCHMARK(Increment)->Threads(1)->Threads(2)->Threads(4);
BENCHMARK(MoveThereAndBack)->Threads(1)->Threads(2)->Threads(4);
BENCHMARK(Transfer)->Threads(1)->Threads(2)->Threads(4);
BENCHMARK(Transact)->Threads(1)->Threads(2)->Threads(4);
BENCHMARK(BatchGet)->Threads(1)->Threads(2)->Threads(4);
BENCHMARK(BatchGetAtomic)->Threads(1)->Threads(2)->Threads(4);

}  // namespace
}  // namespace latchkey
