// Whole runs with --verify against a server that is right, that does one thing
// wrong, or that is hard to reach, in virtual time.

#include "client/load/verify_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <utility>

#include "client/load/report.h"
#include "client/load/runner.h"
#include "client/load/verify_requests.h"
#include "client/load/worker.h"
#include "tests/client/load/virtual_engine.h"
#include "tests/client/verify/model_server.h"

namespace latchkey::load {
namespace {

using testing::AnyOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Key;
using verify::Fault;
using verify::ModelServer;

client::CallError ErrorOf(const verify::EventError& error) {
  client::CallError call_error;
  call_error.code_name = error.code;
  for (int code = 0; code <= 16; ++code) {
    const auto candidate = static_cast<grpc::StatusCode>(code);
    if (client::StatusCodeName(candidate) == error.code) {
      call_error.code = candidate;
    }
  }
  call_error.message = "refused";
  call_error.reason = error.reason;
  call_error.metadata = error.metadata;
  return call_error;
}

// What becomes of a call on its way.
enum class Way { kGood, kRequestLost, kAnswerLost };

// A client with idempotency keys, and the server behind it.
class Link {
 public:
  explicit Link(ModelServer& server) : server_(server) {}

  Reply operator()(Method method, const std::string& request, Nanos now) {
    ++calls_;
    if (on_call) on_call(calls_);
    Reply reply;
    // Some take longer than others, or nothing would overtake anything.
    reply.at = now + static_cast<Nanos>(random_() % 5 + 1) * kNanosPerMilli;
    const std::string keyed = WithKey(method, request, &reply.idempotency_key);
    const Way way = way_of ? way_of(method, calls_) : Way::kGood;
    if (way != Way::kRequestLost) {
      ModelServer::Answer answer = server_.Handle(method, keyed);
      reply.response = std::move(answer.response);
      reply.replayed = answer.replayed;
      if (answer.error) reply.error = ErrorOf(*answer.error);
    }
    if (way != Way::kGood) {
      reply.response.clear();
      reply.error = ErrorOf({"UNAVAILABLE", "", {}});
    }
    if (reply.error) {
      const auto applied = reply.error->metadata.find("applied");
      const bool no =
          applied != reply.error->metadata.end() && applied->second == "no";
      reply.outcome = no || !IsWrite(method) ? client::Outcome::kNotApplied
                                             : client::Outcome::kUnknown;
    }
    return reply;
  }

  // Of each call, by its number from 1.
  std::function<void(int call)> on_call;
  std::function<Way(Method method, int call)> way_of;

 private:
  std::string WithKey(Method method, const std::string& request,
                      std::string* key) {
    if (!IsWrite(method)) return request;
    return verify::VisitMethod(method, [&]<typename Types>(Types) {
      typename Types::Request parsed;
      verify::ParseMessage(request, &parsed);
      if constexpr (requires { parsed.set_idempotency_key(""); }) {
        if (parsed.idempotency_key().empty()) {
          parsed.set_idempotency_key("key-" + std::to_string(++keys_));
        }
        *key = parsed.idempotency_key();
      }
      return parsed.SerializeAsString();
    });
  }

  ModelServer& server_;
  std::mt19937_64 random_{1};
  int calls_ = 0;
  int keys_ = 0;
};

Options SmallRun(uint64_t requests = 5'000) {
  Options options;
  options.verify = true;
  options.engine = "client";
  options.requests = requests;
  options.warm_up = 0;
  options.value_bytes = {24, 40};
  options.errors_max.reset();
  return options;
}

class VerifyRunTest : public testing::Test {
 protected:
  RunResult Run(ModelServer& server, const Options& options) {
    Link link(server);
    return Run(link, options);
  }

  RunResult Run(Link& link, const Options& options) {
    VirtualEngine engine(16, std::ref(link));
    return RunLoad(options, engine, {}, stop_, history_);
  }

  static uint64_t CountOf(const RunResult& result, std::string_view sort) {
    return result.verify->violations.CountOf(sort);
  }

  std::atomic<bool> stop_ = false;
  std::ostream* history_ = nullptr;
};

TEST_F(VerifyRunTest, ARightServerPasses) {
  ModelServer server;
  const RunResult result = Run(server, SmallRun());
  EXPECT_EQ(result.ending, Ending::kComplete);
  EXPECT_EQ(result.ExitCode(), kExitOk) << FormatTable(result);
  EXPECT_THAT(result.verify->violations.ToString(), IsEmpty());
  EXPECT_GE(result.verify->counts.operations, 5'000u);
  EXPECT_GT(result.verify->counts.keyed_writes, 3'500u);
  EXPECT_GT(result.verify->counts.commits, 2'000u);
  EXPECT_GT(result.verify->counts.replayed, 100u);
  EXPECT_EQ(result.verify->settled, 0u);
  EXPECT_THAT(FormatTable(result), HasSubstr("violations        0"));
  // It leaves nothing behind.
  EXPECT_EQ(server.size(), 0u);
}

TEST_F(VerifyRunTest, ALongRunIsCheckedInRounds) {
  ModelServer server;
  Options options = SmallRun(3'500);
  options.round_operations = 1'000;
  const RunResult result = Run(server, options);
  EXPECT_EQ(result.ExitCode(), kExitOk) << FormatTable(result);
  // The last one is of the cleaning up.
  EXPECT_EQ(result.verify->counts.rounds, 5u);
  EXPECT_EQ(
      result.measured.AllLatencies().count() + result.measured.error_count,
      3'500u);
}

TEST_F(VerifyRunTest, RunsForItsDuration) {
  ModelServer server;
  Options options = SmallRun(0);
  options.duration = 500 * kNanosPerMilli;
  const RunResult result = Run(server, options);
  EXPECT_EQ(result.ExitCode(), kExitOk) << FormatTable(result);
  EXPECT_GE(result.elapsed, options.duration);
  EXPECT_LE(result.elapsed, options.duration + 50 * kNanosPerMilli);
}

struct Wrong {
  Fault fault;
  // One of the sorts that it is seen as.
  const char* sort;
  uint64_t every = 50;
};

class WrongServerTest : public VerifyRunTest,
                        public testing::WithParamInterface<Wrong> {};

TEST_P(WrongServerTest, IsCaught) {
  ModelServer server(GetParam().fault, GetParam().every);
  const RunResult result = Run(server, SmallRun());
  EXPECT_THAT(result.verify->violations.by_sort(),
              Contains(Key(GetParam().sort)))
      << result.verify->violations.ToString();
  EXPECT_EQ(result.ExitCode(), kExitFailed);
  EXPECT_THAT(FormatTable(result), HasSubstr(GetParam().sort));
  EXPECT_THAT(FormatJson(result), HasSubstr(GetParam().sort));
}

INSTANTIATE_TEST_SUITE_P(
    Faults, WrongServerTest,
    testing::Values(Wrong{Fault::kStaleRead, "stale-read"},
                    Wrong{Fault::kTornRead, "torn-read"},
                    Wrong{Fault::kLosesWrites, "lost-append"},
                    Wrong{Fault::kLosesWrites, "wrong-commit"},
                    Wrong{Fault::kHalvesMoves, "wrong-read", 10},
                    Wrong{Fault::kAppliesTwice, "doubled-append"},
                    Wrong{Fault::kAppliesTwice, "gap"},
                    Wrong{Fault::kIgnoresPreconditions, "impossible-commit"},
                    Wrong{Fault::kForgetsRecords, "copy-differs"},
                    Wrong{Fault::kForgetsRecords, "doubled-append"},
                    Wrong{Fault::kIgnoresFingerprints, "reuse-accepted"},
                    Wrong{Fault::kReplaysAnother, "copy-differs"},
                    Wrong{Fault::kDeniesWrites, "ghost-append"},
                    Wrong{Fault::kDeniesWrites, "gap"},
                    Wrong{Fault::kSharesVersions, "shared-version"},
                    Wrong{Fault::kSwapsVersions, "wrong-commit"},
                    Wrong{Fault::kSkipsVersions, "gap"},
                    Wrong{Fault::kAltersAnswers, "wrong-read"},
                    Wrong{Fault::kLosesFlags, "wrong-read"}));

TEST_F(VerifyRunTest, LostAnswersAreSettled) {
  ModelServer server;
  Link link(server);
  link.way_of = [](Method, int call) {
    if (call % 7 == 0) return Way::kAnswerLost;
    return call % 11 == 0 ? Way::kRequestLost : Way::kGood;
  };
  const RunResult result = Run(link, SmallRun());
  EXPECT_EQ(result.ExitCode(), kExitOk) << FormatTable(result);
  EXPECT_THAT(result.verify->violations.ToString(), IsEmpty());
  EXPECT_GT(result.verify->settled, 500u);
}

TEST_F(VerifyRunTest, AWriteThatTookEffectBehindALostAnswerCounts) {
  // Denied writes alone would be refusals; behind lost answers the fence asks.
  ModelServer server(Fault::kForgetsRecords, 5);
  Link link(server);
  link.way_of = [](Method method, int call) {
    return method == Method::kIncrement && call % 3 == 0 ? Way::kAnswerLost
                                                         : Way::kGood;
  };
  const RunResult result = Run(link, SmallRun());
  // The server says NOT_APPLIED of what it has forgotten.
  EXPECT_GT(CountOf(result, verify::sort::kGhostAppend), 0u);
  EXPECT_EQ(result.ExitCode(), kExitFailed);
}

TEST_F(VerifyRunTest, ALongSilenceIsBorneWith) {
  ModelServer server;
  Link link(server);
  // Longer than kGoneAfter: 16 slots ask some 10 times a second each.
  link.way_of = [](Method, int call) {
    return call > 1'000 && call < 2'500 ? Way::kRequestLost : Way::kGood;
  };
  const RunResult result = Run(link, SmallRun());
  EXPECT_EQ(result.ending, Ending::kComplete);
  EXPECT_GT(result.elapsed, kGoneAfter);
  EXPECT_EQ(result.ExitCode(), kExitOk) << FormatTable(result);
}

TEST_F(VerifyRunTest, AServerThatIsGoneEndsTheRun) {
  ModelServer server;
  Link link(server);
  link.way_of = [](Method, int call) {
    return call > 1'000 ? Way::kRequestLost : Way::kGood;
  };
  const RunResult result = Run(link, SmallRun());
  EXPECT_EQ(result.ending, Ending::kUnavailable);
  EXPECT_EQ(result.ExitCode(), kExitUnavailable);
}

TEST_F(VerifyRunTest, ARestartIsNoViolationButNoSuccessEither) {
  ModelServer server;
  Link link(server);
  link.on_call = [&](int call) {
    if (call == 2'000) server.Restart();
  };
  const RunResult result = Run(link, SmallRun());
  EXPECT_EQ(result.ending, Ending::kRestarted);
  EXPECT_THAT(result.verify->violations.ToString(), IsEmpty());
  EXPECT_EQ(result.ExitCode(), kExitFailed);
  EXPECT_THAT(EndingMessage(result), HasSubstr("started anew"));
}

TEST_F(VerifyRunTest, ARestartIsSeenWithTheFirstWriteThatItLost) {
  ModelServer server;
  Link link(server);
  link.on_call = [&](int call) {
    if (call == 2'000) server.Restart();
  };
  // As from connections that break.
  link.way_of = [](Method, int call) {
    return call > 1'950 && call < 2'000 ? Way::kRequestLost : Way::kGood;
  };
  const RunResult result = Run(link, SmallRun(100'000));
  EXPECT_EQ(result.ending, Ending::kRestarted);
  EXPECT_LT(result.measured.calls, 3'000u);
}

TEST_F(VerifyRunTest, AnInterruptedRunIsCheckedToItsEnd) {
  ModelServer server(Fault::kAppliesTwice, 400);
  Link link(server);
  link.on_call = [&](int call) {
    if (call == 3'000) stop_ = true;
  };
  const RunResult result = Run(link, SmallRun());
  EXPECT_LT(result.measured.calls, 3'100u);
  EXPECT_GT(CountOf(result, verify::sort::kDoubledAppend), 0u);

  stop_ = false;
  ModelServer right;
  Link good(right);
  good.on_call = link.on_call;
  const RunResult passed = Run(good, SmallRun());
  EXPECT_EQ(passed.ending, Ending::kInterrupted);
  EXPECT_EQ(passed.ExitCode(), kExitOk) << FormatTable(passed);
}

TEST_F(VerifyRunTest, AStrangersWritesAreAGapUnlessTheServerIsShared) {
  for (const bool shared : {false, true}) {
    ModelServer server;
    Link link(server);
    v1::PutRequest strange;
    strange.set_key("strange");
    link.on_call = [&](int call) {
      if (call % 100 == 0) {
        server.Handle(Method::kPut, strange.SerializeAsString());
      }
    };
    Options options = SmallRun();
    options.verify_shared = shared;
    const RunResult result = Run(link, options);
    EXPECT_EQ(CountOf(result, verify::sort::kGap) > 0, !shared);
    EXPECT_EQ(result.verify->violations.count(),
              CountOf(result, verify::sort::kGap));
  }
}

TEST_F(VerifyRunTest, WritesItsHistory) {
  std::ostringstream out;
  history_ = &out;
  ModelServer server;
  Run(server, SmallRun(500));
  EXPECT_THAT(out.str(), HasSubstr(R"("key":"k/run/log/0/0","add":1)"));
  EXPECT_THAT(out.str(), HasSubstr(R"("key":"k/run/data/)"));
  EXPECT_THAT(out.str(), HasSubstr(R"("outcome":"no")"));
}

TEST(VerifyRequestsTest, AreOfEveryKindAndHalfOfTheWritesAppend) {
  const VerifyKeys keys("run/");
  VerifyRequests requests(keys, {.seed = 3});
  std::set<Method> methods;
  int writes = 0;
  int appends = 0;
  for (int i = 0; i < 10'000; ++i) {
    const Call call = requests.Next();
    methods.insert(call.method);
    if (!IsWrite(call.method)) continue;
    ++writes;
    const std::string bytes = call.request->SerializeAsString();
    if (bytes.find(keys.LogPrefix()) != std::string::npos) ++appends;
  }
  // All but GetOutcome.
  EXPECT_EQ(methods.size(), verify::kMethods - 1);
  EXPECT_NEAR(static_cast<double>(appends) / writes, 0.5, 0.05);
}

TEST(VerifyRequestsTest, NoValueIsPutTwice) {
  const VerifyKeys keys("run/");
  VerifyRequests one(keys, {.thread = 0});
  VerifyRequests other(keys, {.thread = 1});
  std::set<std::string> values;
  int puts = 0;
  for (int i = 0; i < 5'000; ++i) {
    for (VerifyRequests* requests : {&one, &other}) {
      const Call call = requests->Next();
      if (call.method != Method::kPut) continue;
      const auto& put = static_cast<const v1::PutRequest&>(*call.request);
      if (put.key().find("/counter/") != std::string::npos) continue;
      values.insert(put.value());
      ++puts;
    }
  }
  EXPECT_EQ(values.size(), static_cast<size_t>(puts));
}

}  // namespace
}  // namespace latchkey::load
