// What deadline and cancel tokens cost a point operation: a Get or a Put, from
// a transport's dispatch to the serialized answer, as it is, or with all that a
// token costs it done once more.  The difference is what it would save without.
//
// That is: the source in the call, and its end; the look on arrival; the look
// before the first lock, for which a Put reads the clock and a Get does not;
// the look at the commit point, whose reading of the clock is there for the
// expiry of entries anyway.
//
//   token_bench get|put once|twice [OPERATIONS [ROUNDS]]
//
// Prints the least CPU time of an operation in any round, in nanoseconds.
// token_cost runs it, and counts instructions, too.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>
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
      : Call(clock, now),
        source_(now + 10 * kNanosPerSecond),
        answer_(answer) {}

  std::string_view method() const override { return {}; }
  std::string_view principal() const override { return {}; }
  std::optional<std::string_view> FindMetadata(
      std::string_view) const override {
    return std::nullopt;
  }
  DeadlineToken token() const override { return source_.token(); }

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

  DeadlineSource source_;
  std::string* const answer_;
};

// Lets the compiler know nothing of what `object` has become.
template <typename Object>
void Forget(const Object& object) {
  asm volatile("" : : "g"(&object) : "memory");
}

// All that a token costs an operation.
[[gnu::noinline]] bool TokenWork(const Clock& clock, bool writes,
                                 UnixNanos now) {
  const DeadlineSource source(now + 10 * kNanosPerSecond);
  Forget(source);
  if (source.token().Check(now) != EndReason::kNone) return false;
  Forget(source);
  if (writes) now = clock.Now();
  if ((writes ? source.token().Check(now) : source.token().ended()) !=
      EndReason::kNone) {
    return false;
  }
  Forget(source);
  return source.token().Check(now) == EndReason::kNone;
}

class Bed {
 public:
  explicit Bed(bool writes)
      : writes_(writes),
        store_({}, clock_, random_),
        cache_(store_, clock_, {}) {
    cache_.Register(methods_);
    method_ = methods_.Find(writes ? "/latchkey.v1.Cache/Put"
                                   : "/latchkey.v1.Cache/Get");
    const std::string value(64, 'v');
    const DeadlineSource endless(kNever);
    for (uint64_t i = 0; i < kBenchKeys; ++i) {
      const std::string key = std::to_string(1'000'000'000'000'000 + i);
      const Operation put = PutOperation{.key = key, .value = value};
      LATCHKEY_CHECK(
          store_.Write({.on_success = {&put, 1}}, endless.token()).ok(),
          "a benchmark's write succeeds");
      v1::GetRequest get;
      get.set_key(key);
      v1::PutRequest put_request;
      put_request.set_key(key);
      put_request.set_value(value);
      requests_.push_back(writes ? put_request.SerializeAsString()
                                 : get.SerializeAsString());
    }
  }

  // callgrind counts in here only.
  [[gnu::noinline]] void RunOperations(int count, bool twice) {
    for (int i = 0; i < count; ++i) {
      const UnixNanos now = clock_.Now();
      BenchCall call(clock_, now, &answer_);
      DispatchUnary(*method_, call, requests_[numbers_.Next()], now);
      if (twice)
        LATCHKEY_CHECK(TokenWork(clock_, writes_, now), "it does not end");
      Forget(answer_);
    }
  }

 private:
  const bool writes_;
  SystemClock clock_;
  SystemRandom random_;
  Store store_;
  CacheService cache_;
  MethodTable methods_;
  const Method* method_ = nullptr;
  std::vector<std::string> requests_;
  KeyNumbers numbers_{KeyNumbers::Kind::kUniform, 1};
  std::string answer_;
};

int Main(int argc, char** argv) {
  const auto argument = [&](int i) {
    return std::string_view(i < argc ? argv[i] : "");
  };
  if ((argument(1) != "get" && argument(1) != "put") ||
      (argument(2) != "once" && argument(2) != "twice")) {
    std::fputs("token_bench get|put once|twice [OPERATIONS [ROUNDS]]\n",
               stderr);
    return 2;
  }
  const int operations = argc > 3 ? std::atoi(argv[3]) : 10'000;
  const int rounds = argc > 4 ? std::atoi(argv[4]) : 1;
  Bed bed(argument(1) == "put");
  double least = 1e9;
  for (int i = 0; i < rounds; ++i) {
    const std::clock_t begin = std::clock();
    bed.RunOperations(operations, argument(2) == "twice");
    const double seconds =
        static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    least = std::min(least, seconds * 1e9 / operations);
  }
  std::printf("%.1f\n", least);
  return 0;
}

}  // namespace
}  // namespace latchkey

int main(int argc, char** argv) { return latchkey::Main(argc, argv); }
