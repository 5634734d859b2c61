#include "client/load/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace latchkey::load {
namespace {

using testing::HasSubstr;
using Arguments = std::vector<std::string>;

Options Parse(const Arguments& arguments) {
  const CommandLine command_line = ParseCommandLine(arguments);
  EXPECT_TRUE(command_line.options.has_value()) << command_line.text;
  return command_line.options.value_or(Options());
}

TEST(OptionsTest, AreUsefulAlone) {
  const Options options = Parse({});
  EXPECT_EQ(options.address, "127.0.0.1:7411");
  EXPECT_EQ(options.connections, 4u);
  EXPECT_EQ(options.in_flight, 16u);
  EXPECT_EQ(options.threads, 1u);
  EXPECT_FALSE(options.open_loop());
  EXPECT_EQ(options.mix.name, "ycsb-b");
  EXPECT_EQ(options.keys, 100'000u);
  EXPECT_EQ(options.key_bytes, 16u);
  EXPECT_EQ(options.value_bytes.min, 64u);
  EXPECT_EQ(options.value_bytes.max, 64u);
  EXPECT_EQ(options.distribution, Distribution::kZipfian);
  EXPECT_EQ(options.warm_up, 2 * kNanosPerSecond);
  EXPECT_EQ(options.duration, 10 * kNanosPerSecond);
  EXPECT_EQ(options.errors_max, 0u);
}

TEST(OptionsTest, TakesEachFromTheCommandLine) {
  const Options options =
      Parse({"--address",      "[::1]:1",   "--connections",  "50",
             "--in-flight",    "1",         "--threads",      "2",
             "--timeout",      "250ms",     "--rate",         "1500.5",
             "--backlog-max",  "77",        "--mix",          "mixed:3/1",
             "--keys",         "1000",      "--key-bytes",    "20",
             "--key-prefix",   "other-",    "--distribution", "uniform",
             "--zipf-theta",   "0.5",       "--value-bytes",  "64-1024",
             "--ttl",          "30s",       "--seed",         "9",
             "--warm-up",      "0s",        "--duration",     "1m30s",
             "--json",         "out.json",  "--server-pid",   "12",
             "--errors-max=5", "--progress"});
  EXPECT_EQ(options.address, "[::1]:1");
  EXPECT_EQ(options.connections, 50u);
  EXPECT_EQ(options.in_flight, 1u);
  EXPECT_EQ(options.threads, 2u);
  EXPECT_EQ(options.timeout, 250 * kNanosPerMilli);
  EXPECT_DOUBLE_EQ(options.rate, 1500.5);
  EXPECT_EQ(options.backlog_max, 77u);
  EXPECT_EQ(options.mix.name, "mixed:3/1");
  EXPECT_EQ(options.key_count(), 1'000u);
  EXPECT_EQ(options.key_bytes, 20u);
  EXPECT_EQ(options.key_prefix, "other-");
  EXPECT_EQ(options.distribution, Distribution::kUniform);
  EXPECT_DOUBLE_EQ(options.zipf_theta, 0.5);
  EXPECT_EQ(options.value_bytes.min, 64u);
  EXPECT_EQ(options.value_bytes.max, 1'024u);
  EXPECT_EQ(options.ttl, 30 * kNanosPerSecond);
  EXPECT_EQ(options.seed, 9u);
  EXPECT_EQ(options.warm_up, 0);
  EXPECT_EQ(options.duration, 90 * kNanosPerSecond);
  EXPECT_EQ(options.json_path, "out.json");
  EXPECT_EQ(options.server_pid, 12);
  EXPECT_EQ(options.errors_max, 5u);
  EXPECT_TRUE(options.progress);
}

TEST(OptionsTest, TransferCountsAccounts) {
  const Options options = Parse(
      {"--mix", "transfer", "--accounts", "500", "--initial-balance", "3"});
  EXPECT_TRUE(options.transfers());
  EXPECT_EQ(options.key_count(), 500u);
  EXPECT_EQ(options.initial_balance, 3);
}

TEST(OptionsTest, VerifyTakesTheClientsEngine) {
  const Options plain = Parse({});
  EXPECT_EQ(plain.engine, "grpc");
  EXPECT_FALSE(plain.verify);
  const Options options = Parse({"--verify"});
  EXPECT_TRUE(options.verify);
  EXPECT_EQ(options.engine, "client");
  EXPECT_EQ(options.warm_up, 0);
  EXPECT_EQ(options.errors_max, std::nullopt);
  EXPECT_FALSE(options.verify_shared);
  EXPECT_EQ(options.hedge_delay, std::nullopt);
  EXPECT_EQ(Parse({"--verify", "--errors-max=3"}).errors_max, 3u);
}

TEST(OptionsTest, VerifyHasOptionsOfItsOwn) {
  const Options options =
      Parse({"--verify", "--verify-shared", "--history", "out.jsonl", "--hedge",
             "3ms", "--engine=client", "--key-prefix", "more than 16 bytes"});
  EXPECT_TRUE(options.verify_shared);
  EXPECT_EQ(options.history_path, "out.jsonl");
  EXPECT_EQ(options.hedge_delay, 3 * kNanosPerMilli);
  EXPECT_EQ(options.key_prefix, "more than 16 bytes");
}

TEST(OptionsTest, AnOpenLoopMayFailUnlessToldOtherwise) {
  EXPECT_EQ(Parse({"--rate", "10"}).errors_max, std::nullopt);
  EXPECT_EQ(Parse({"--rate", "10", "--errors-max", "0"}).errors_max, 0u);
}

struct BadArguments {
  Arguments arguments;
  // What the message must name.
  std::string option;
};

TEST(OptionsTest, TakesWhatMakesAnOverloadWorse) {
  const Options usual = Parse({});
  EXPECT_EQ(usual.retries, 0);
  EXPECT_EQ(usual.cancel_ratio, 0);
  EXPECT_EQ(usual.cancel_after, kNanosPerMilli);
  const Options options =
      Parse({"--retries=3", "--cancel-ratio=0.25", "--cancel-after=30ms"});
  EXPECT_EQ(options.retries, 3);
  EXPECT_DOUBLE_EQ(options.cancel_ratio, 0.25);
  EXPECT_EQ(options.cancel_after, 30 * kNanosPerMilli);
}

TEST(OptionsTest, RefusesBadOnesByName) {
  const BadArguments kBad[] = {
      {{"--nonsense"}, "--nonsense"},
      {{"surplus"}, "surplus"},
      {{"--engine", "http"}, "--engine"},
      {{"--connections", "0"}, "--connections"},
      {{"--connections", "-1"}, "--connections"},
      {{"--connections", "many"}, "--connections"},
      {{"--in-flight", "0"}, "--in-flight"},
      {{"--threads", "0"}, "--threads"},
      {{"--threads", "5"}, "--threads"},
      {{"--timeout", "0s"}, "--timeout"},
      {{"--timeout", "11m"}, "--timeout"},
      {{"--timeout", "5"}, "--timeout"},
      {{"--rate", "0"}, "--rate"},
      {{"--rate", "-5"}, "--rate"},
      {{"--backlog-max", "0"}, "--backlog-max"},
      {{"--threads", "4", "--backlog-max", "3"}, "--backlog-max"},
      {{"--mix", "gets"}, "--mix"},
      {{"--keys", "0"}, "--keys"},
      {{"--key-bytes", "0"}, "--key-bytes"},
      {{"--key-bytes", "5"}, "--key-bytes"},
      {{"--key-bytes", "1025"}, "--key-bytes"},
      {{"--key-prefix", "far too long for 16 bytes"}, "--key-bytes"},
      {{"--verify", "--key-prefix", std::string(901, 'k')}, "--key-prefix"},
      {{"--distribution", "normal"}, "--distribution"},
      {{"--zipf-theta", "1"}, "--zipf-theta"},
      {{"--zipf-theta", "0"}, "--zipf-theta"},
      {{"--zipf-theta", "nan"}, "--zipf-theta"},
      {{"--value-bytes", "23"}, "--value-bytes"},
      {{"--value-bytes", "64-"}, "--value-bytes"},
      {{"--value-bytes", "100-64"}, "--value-bytes"},
      {{"--value-bytes", "64-1048577"}, "--value-bytes"},
      {{"--ttl", "-1s"}, "--ttl"},
      {{"--mix", "transfer", "--ttl", "1s"}, "--ttl"},
      {{"--accounts", "1"}, "--accounts"},
      {{"--initial-balance", "-1"}, "--initial-balance"},
      {{"--warm-up", "soon"}, "--warm-up"},
      {{"--duration", "0s"}, "--duration"},
      {{"--duration", "10"}, "--duration"},
      {{"--requests", "0"}, "--requests"},
      {{"--requests", "5", "--duration", "1s"}, "--requests"},
      {{"--server-pid", "0"}, "--server-pid"},
      {{"--errors-max", "-1"}, "--errors-max"},
      {{"--seed", "-1"}, "--seed"},
      {{"--json"}, "--json"},
      {{"--hedge", "1ms"}, "--hedge"},
      {{"--retries", "-1"}, "--retries"},
      {{"--retries", "3", "--engine=client"}, "--retries"},
      {{"--retries", "3", "--verify"}, "--retries"},
      {{"--cancel-ratio", "1.1"}, "--cancel-ratio"},
      {{"--cancel-ratio", "-0.1"}, "--cancel-ratio"},
      {{"--cancel-ratio", "0.5", "--engine=client"}, "--cancel-ratio"},
      {{"--cancel-after", "soon"}, "--cancel-after"},
      {{"--hedge", "soon", "--engine=client"}, "--hedge"},
      {{"--verify", "--engine=grpc"}, "--engine"},
      {{"--verify", "--mix=get"}, "--mix"},
      {{"--verify", "--warm-up=1s"}, "--warm-up"},
      {{"--verify", "--keys=5"}, "--keys"},
      {{"--verify-shared"}, "--verify"},
      {{"--history", "out"}, "--verify"},
  };
  for (const BadArguments& bad : kBad) {
    const CommandLine command_line = ParseCommandLine(bad.arguments);
    EXPECT_FALSE(command_line.options.has_value())
        << testing::PrintToString(bad.arguments);
    EXPECT_EQ(command_line.exit_code, kExitUsage);
    EXPECT_THAT(command_line.text, HasSubstr(bad.option));
  }
}

TEST(OptionsTest, HelpTellsWhatOneMustKnow) {
  const CommandLine command_line = ParseCommandLine({"--help"});
  EXPECT_FALSE(command_line.options.has_value());
  EXPECT_EQ(command_line.exit_code, kExitOk);
  for (const char* text :
       {"coordinated omission", "not sent in time", "Exit codes",
        "--server-pid", "ycsb-f", "--verify", "--hedge"}) {
    EXPECT_THAT(command_line.text, HasSubstr(text));
  }
}

TEST(OptionsTest, VersionNamesTheProgram) {
  const CommandLine command_line = ParseCommandLine({"--version"});
  EXPECT_EQ(command_line.exit_code, kExitOk);
  EXPECT_THAT(command_line.text, testing::StartsWith("latchkey-load "));
}

TEST(OptionsTest, FormatsWhatItParses) {
  for (const char* text : {"64", "64-1024"}) {
    EXPECT_EQ(FormatSizeRange(*ParseSizeRange(text)), text);
  }
  for (const char* text : {"0", "500ms", "10s", "1m30s"}) {
    EXPECT_EQ(FormatDuration(*ParseDuration(text)), text);
  }
}

}  // namespace
}  // namespace latchkey::load
