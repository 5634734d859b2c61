// What a Get costs from a transport's dispatch to its serialized answer, and
// what of that is counting it: the same call is dispatched as transports do,
// and handed to its handler without a place to count in.  100,000 keys of 16
// bytes, values of 64 bytes, the system's clock.

#include <benchmark/benchmark.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "latchkey/v1/cache.pb.h"
#include "server/base/check.h"
#include "server/base/clock.h"
#include "server/base/random.h"
#include "server/rpc/call.h"
#include "server/rpc/method_table.h"
#include "server/runtime/deadline.h"
#include "server/service/cache_service.h"
#include "server/store/store.h"
#include "tests/bench/workload.h"

namespace latchkey {
namespace {

// A call whose transport only serializes.
class BenchCall final : public Call {
 public:
  BenchCall(const Clock& clock, UnixNanos now, std::string* answer)
      : Call(clock, now), answer_(answer) {}

  std::string_view method() const override { return "/latchkey.v1.Cache/Get"; }
  std::string_view principal() const override { return {}; }
  std::optional<std::string_view> FindMetadata(
      std::string_view) const override {
    return std::nullopt;
  }
  DeadlineToken token() const override { return endless_.token(); }

 private:
  void DoReply(const ReplyBody& response, Trailers) override {
    answer_->resize(response.size());
    response.WriteTo(answer_->data());
  }
  void DoFinish(const WireStatus&, Trailers) override {
    LATCHKEY_CHECK(false, "a benchmark's call succeeds");
  }
  void DoSend(const google::protobuf::MessageLite&) override {}
  void DoReceive() override {}

  DeadlineSource endless_{kNever};
  std::string* const answer_;
};

// A service with its keys, and a request for each.
class Bed {
 public:
  Bed() : store_({}, clock_, random_), cache_(store_, clock_, {}) {
    cache_.Register(methods_);
    const std::string value(64, 'v');
    requests_.reserve(kBenchKeys);
    for (uint64_t i = 0; i < kBenchKeys; ++i) {
      std::string key = std::to_string(1'000'000'000'000'000 + i);
      const Operation put = PutOperation{.key = key, .value = value};
      const DeadlineSource endless(kNever);
      LATCHKEY_CHECK(
          store_.Write({.on_success = {&put, 1}}, endless.token()).ok(),
          "a benchmark's write succeeds");
      v1::GetRequest request;
      request.set_key(std::move(key));
      requests_.push_back(request.SerializeAsString());
    }
  }

  const Clock& clock() const { return clock_; }
  const Method& get() const { return *methods_.Find("/latchkey.v1.Cache/Get"); }
  std::string_view request(uint64_t number) const { return requests_[number]; }

 private:
  SystemClock clock_;
  SystemRandom random_;
  Store store_;
  CacheService cache_;
  MethodTable methods_;
  std::vector<std::string> requests_;
};

Bed& SharedBed() {
  static auto* bed = new Bed;
  return *bed;
}

template <typename Dispatch>
void RunGets(benchmark::State& state, Dispatch dispatch) {
  Bed& bed = SharedBed();
  const Method& get = bed.get();
  KeyNumbers numbers(KeyNumbers::Kind::kUniform,
                     static_cast<uint64_t>(state.thread_index()) + 1);
  std::string answer;
  for (auto _ : state) {
    const UnixNanos now = bed.clock().Now();
    BenchCall call(bed.clock(), now, &answer);
    dispatch(get, call, bed.request(numbers.Next()), now);
    benchmark::DoNotOptimize(answer);
  }
}

void GetCounted(benchmark::State& state) { RunGets(state, DispatchUnary); }

void GetNotCounted(benchmark::State& state) {
  RunGets(state, [](const Method& method, Call& call, std::string_view request,
                    UnixNanos) { method.unary(call, request); });
}

BENCHMARK(GetCounted)->Threads(1)->Threads(2);
BENCHMARK(GetNotCounted)->Threads(1)->Threads(2);

}  // namespace
}  // namespace latchkey
