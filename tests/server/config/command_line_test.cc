#include "server/config/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "server/config/usable_memory.h"

namespace latchkey {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

using Variables = std::map<std::string, std::string>;

CommandLine Parse(const std::vector<std::string>& arguments,
                  const Variables& variables = {}) {
  return ParseCommandLine(arguments, [&](const char* name) {
    const auto it = variables.find(name);
    return it == variables.end() ? nullptr : it->second.c_str();
  });
}

// A configuration file for the length of a test.
class ConfigFile {
 public:
  explicit ConfigFile(const std::string& text)
      : path_(testing::TempDir() + "latchkeyd_" +
              testing::UnitTest::GetInstance()->current_test_info()->name() +
              std::to_string(count_++) + ".toml") {
    std::ofstream(path_) << text;
  }
  ~ConfigFile() { std::filesystem::remove(path_); }

  std::string flag() const { return "--config=" + path_; }
  const std::string& path() const { return path_; }

 private:
  static inline int count_ = 0;
  const std::string path_;
};

TEST(CommandLineTest, DefaultsServeOnLoopback) {
  const CommandLine line = Parse({});
  ASSERT_EQ(line.action, CommandLine::Action::kServe) << line.text;
  EXPECT_EQ(line.options.listen, "127.0.0.1:7411");
  EXPECT_EQ(line.options.http_listen, "127.0.0.1:7412");
  EXPECT_FALSE(line.options.allow_insecure);
  EXPECT_EQ(line.options.transport, "native");
  EXPECT_EQ(line.options.threads, UsableCores());
  EXPECT_EQ(line.options.bulk_threads, std::max(1, UsableCores() / 2));
  EXPECT_EQ(line.options.bulk_queue_max, 256);
  EXPECT_EQ(line.options.connections_max, 10'000);
  EXPECT_EQ(line.options.connections_per_address_max, 0);
  EXPECT_EQ(line.options.connection_idle_seconds, 0);
  EXPECT_EQ(line.options.connection_age_seconds, 0);
  EXPECT_EQ(line.options.drain_seconds, 10);
  EXPECT_EQ(line.options.key_bytes_max, 1024);
  EXPECT_EQ(line.options.value_bytes_max, 1024 * 1024);
  EXPECT_EQ(line.options.idempotency_window_seconds, 120);
  EXPECT_EQ(line.options.idempotency_bytes_max, 256 * 1024 * 1024);
  EXPECT_EQ(line.options.snapshot_bytes_max, 64 * 1024 * 1024);
  EXPECT_EQ(line.options.memory_max_bytes, UsableMemory() / 100 * 75);
  EXPECT_EQ(line.options.eviction, "tinylfu");
  EXPECT_EQ(line.options.log_level, "info");
  EXPECT_EQ(line.options.log_format, "text");
}

TEST(CommandLineTest, FlagGoesBeforeEnvironmentBeforeFileBeforeDefault) {
  const ConfigFile file("drain-seconds = 3\n");
  struct Row {
    bool flag, variable, file;
    int want;
  };
  for (const Row& row : {
           Row{false, false, false, 10},
           Row{false, false, true, 3},
           Row{false, true, false, 2},
           Row{false, true, true, 2},
           Row{true, false, false, 1},
           Row{true, false, true, 1},
           Row{true, true, false, 1},
           Row{true, true, true, 1},
       }) {
    std::vector<std::string> arguments;
    Variables variables;
    if (row.flag) arguments.push_back("--drain-seconds=1");
    if (row.variable) variables["LATCHKEY_DRAIN_SECONDS"] = "2";
    if (row.file) arguments.push_back(file.flag());
    const CommandLine line = Parse(arguments, variables);
    ASSERT_EQ(line.action, CommandLine::Action::kServe) << line.text;
    EXPECT_EQ(line.options.drain_seconds, row.want)
        << row.flag << row.variable << row.file;
  }
}

TEST(CommandLineTest, EveryOptionCanBeGivenInEachWay) {
  struct Row {
    const char* name;
    const char* value;
    const char* printed;
  };
  for (const Row& row : {
           Row{"listen", "[::1]:0", "listen = \"[::1]:0\""},
           Row{"http-listen", "[::1]:9", "http-listen = \"[::1]:9\""},
           Row{"http-listen", "off", "http-listen = \"off\""},
           Row{"allow-insecure", "true", "allow-insecure = true"},
           Row{"transport", "grpc", "transport = \"grpc\""},
           Row{"cors-origin", "https://a.b,http://[::1]:8080",
               "cors-origin = \"https://a.b,http://[::1]:8080\""},
           Row{"cors-origin", "*", "cors-origin = \"*\""},
           Row{"threads", "7", "threads = 7"},
           Row{"bulk-threads", "3", "bulk-threads = 3"},
           Row{"bulk-queue-max", "9", "bulk-queue-max = 9"},
           Row{"connections-max", "5", "connections-max = 5"},
           Row{"connections-per-address-max", "5",
               "connections-per-address-max = 5"},
           Row{"connection-idle-seconds", "5", "connection-idle-seconds = 5"},
           Row{"connection-age-seconds", "5", "connection-age-seconds = 5"},
           Row{"drain-seconds", "0", "drain-seconds = 0"},
           Row{"key-bytes-max", "100", "key-bytes-max = 100"},
           Row{"value-bytes-max", "100", "value-bytes-max = 100"},
           Row{"idempotency-window-seconds", "86400",
               "idempotency-window-seconds = 86400"},
           Row{"idempotency-bytes-max", "65536",
               "idempotency-bytes-max = 65536"},
           Row{"snapshot-bytes-max", "2097152", "snapshot-bytes-max = 2097152"},
           Row{"memory-max-bytes", "8388608", "memory-max-bytes = 8388608"},
           Row{"eviction", "lru", "eviction = \"lru\""},
           Row{"log-level", "error", "log-level = \"error\""},
           Row{"log-format", "json", "log-format = \"json\""},
       }) {
    std::string variable = "LATCHKEY_" + std::string(row.name);
    for (char& c : variable) c = c == '-' ? '_' : static_cast<char>(toupper(c));
    // The line that is printed is also the line of a file.
    const ConfigFile file(std::string(row.printed) + "\n");
    for (const CommandLine& line :
         {Parse({"--print-config",
                 "--" + std::string(row.name) + "=" + row.value}),
          Parse({"--print-config"}, {{variable, row.value}}),
          Parse({"--print-config", file.flag()})}) {
      ASSERT_EQ(line.action, CommandLine::Action::kPrint) << line.text;
      EXPECT_THAT("\n" + line.text,
                  HasSubstr("\n" + std::string(row.printed) + "\n"));
    }
  }
}

TEST(CommandLineTest, PrintedConfigurationIsOneThatCanBeRead) {
  const CommandLine printed =
      Parse({"--print-config", "--listen=0.0.0.0:1", "--allow-insecure",
             "--threads=3", "--drain-seconds=4", "--log-format=json"});
  ASSERT_EQ(printed.action, CommandLine::Action::kPrint);
  const ConfigFile file(printed.text);
  EXPECT_EQ(Parse({"--print-config", file.flag()}).text, printed.text);
}

TEST(CommandLineTest, TlsCanBeGivenInEachWay) {
  const char printed[] =
      "tls-certificate = \"/a b/c.pem\"\ntls-key = \"k.pem\"\n"
      "tls-client-ca = \"ca.pem\"\n";
  const ConfigFile file(printed);
  for (const CommandLine& line :
       {Parse({"--print-config", "--tls-certificate=/a b/c.pem",
               "--tls-key=k.pem", "--tls-client-ca=ca.pem"}),
        Parse({"--print-config"}, {{"LATCHKEY_TLS_CERTIFICATE", "/a b/c.pem"},
                                   {"LATCHKEY_TLS_KEY", "k.pem"},
                                   {"LATCHKEY_TLS_CLIENT_CA", "ca.pem"}}),
        Parse({"--print-config", file.flag()})}) {
    ASSERT_EQ(line.action, CommandLine::Action::kPrint) << line.text;
    EXPECT_THAT(line.text, HasSubstr(printed));
  }
}

TEST(CommandLineTest, OriginsCanBeGivenSeveralTimes) {
  const CommandLine line = Parse(
      {"--cors-origin=https://a", "--cors-origin", "http://b:1,http://c"});
  ASSERT_EQ(line.action, CommandLine::Action::kServe) << line.text;
  EXPECT_THAT(line.options.cors_origins,
              testing::ElementsAre("https://a", "http://b:1", "http://c"));
  EXPECT_THAT(Parse({"--cors-origin="}).options.cors_origins,
              testing::IsEmpty());
  EXPECT_THAT(Parse({}).options.cors_origins, testing::IsEmpty());
}

TEST(CommandLineTest, WhatIsNoOriginIsRefused) {
  for (const char* origin :
       {"null", "a.b", "https://", "://a", "https://a/", "https://A.b",
        "https://a b", "https://*.a", "**", "https://a?"}) {
    const CommandLine line = Parse({"--cors-origin", origin});
    EXPECT_EQ(line.action, CommandLine::Action::kRefuse) << origin;
    EXPECT_THAT(line.text, StartsWith("latchkeyd: --cors-origin:")) << origin;
  }
}

TEST(CommandLineTest, OriginsNeedTheNativeTransport) {
  const CommandLine line = Parse({"--cors-origin=*", "--transport=grpc"});
  EXPECT_EQ(line.action, CommandLine::Action::kRefuse);
  EXPECT_THAT(line.text, StartsWith("latchkeyd: --cors-origin: needs"));
}

TEST(CommandLineTest, TlsNeedsACertificateAndItsKey) {
  struct Row {
    std::vector<std::string> arguments;
    const char* begin;
  };
  for (const Row& row : {
           Row{{"--tls-certificate=c"}, "latchkeyd: --tls-certificate: needs"},
           Row{{"--tls-key=k"}, "latchkeyd: --tls-key: needs"},
           Row{{"--tls-client-ca=a"}, "latchkeyd: --tls-client-ca: needs"},
           Row{{"--rules-file=r"}, "latchkeyd: --rules-file: needs"},
           Row{{"--limits-file=l"}, "latchkeyd: --limits-file: needs"},
           Row{{"--rules-file=\\", "--tokens-file=t"},
               "latchkeyd: --rules-file: a file name"},
           Row{{"--tls-client-ca=a", "--tls-certificate=c"},
               "latchkeyd: --tls-certificate: needs"},
           Row{{"--tls-key=k", "--tls-certificate=a\"b"},
               "latchkeyd: --tls-certificate: a file name"},
       }) {
    const CommandLine line = Parse(row.arguments);
    EXPECT_EQ(line.action, CommandLine::Action::kRefuse);
    EXPECT_THAT(line.text, StartsWith(row.begin));
  }
}

TEST(CommandLineTest, WithTlsCallsAreServedToOtherMachines) {
  const std::vector<std::string> tls = {"--tls-certificate=c", "--tls-key=k",
                                        "--listen=0.0.0.0:1"};
  EXPECT_EQ(Parse(tls).action, CommandLine::Action::kServe);
  // The port for operations has none.
  std::vector<std::string> http = tls;
  http.emplace_back("--http-listen=0.0.0.0:2");
  EXPECT_THAT(Parse(http).text,
              StartsWith("latchkeyd: --http-listen: 0.0.0.0"));
  http.emplace_back("--allow-insecure");
  EXPECT_EQ(Parse(http).action, CommandLine::Action::kServe);
}

// Servers that each take any port must not meet at the port for operations.
TEST(CommandLineTest, TheOperationsPortFollowsTheOther) {
  const ConfigFile port_0("listen = \"127.0.0.1:0\"\n");
  const ConfigFile off("http-listen = \"\"\n");
  struct Row {
    std::vector<std::string> arguments;
    const char* want;
  };
  for (const Row& row : {
           Row{{}, "127.0.0.1:7412"},
           Row{{"--listen=127.0.0.1:7500"}, "127.0.0.1:7412"},
           Row{{"--listen=127.0.0.1:0"}, "127.0.0.1:0"},
           Row{{"--listen=[::1]:0"}, "127.0.0.1:0"},
           Row{{port_0.flag()}, "127.0.0.1:0"},
           Row{{"--listen=127.0.0.1:0", "--http-listen=127.0.0.1:7412"},
               "127.0.0.1:7412"},
           Row{{"--listen=127.0.0.1:0", "--http-listen=off"}, ""},
           Row{{"--http-listen=off"}, ""},
           Row{{"--http-listen=", "--threads=3"}, ""},
           Row{{"--http-listen", "", "--threads=3"}, ""},
           Row{{off.flag()}, ""},
       }) {
    const CommandLine line = Parse(row.arguments);
    ASSERT_EQ(line.action, CommandLine::Action::kServe) << line.text;
    EXPECT_EQ(line.options.http_listen, row.want);
  }
}

TEST(CommandLineTest, TheOperationsPortIsOfLoopbackToo) {
  for (const char* address : {"0.0.0.0:1", "[::]:0", "example.org:1"}) {
    const std::string flag = "--http-listen=" + std::string(address);
    const CommandLine line = Parse({flag});
    EXPECT_EQ(line.action, CommandLine::Action::kRefuse);
    EXPECT_THAT(line.text, StartsWith("latchkeyd: --http-listen: " +
                                      std::string(address)));
    EXPECT_THAT(line.text, HasSubstr("--allow-insecure"));
    EXPECT_EQ(Parse({flag, "--allow-insecure"}).options.http_listen, address);
  }
  EXPECT_THAT(Parse({"--http-listen=nonsense"}).text,
              StartsWith("latchkeyd: --http-listen"));
}

TEST(CommandLineTest, EnvironmentNamesTheFile) {
  const ConfigFile file("threads = 5  # a comment\n");
  const CommandLine line = Parse({}, {{"LATCHKEY_CONFIG", file.path()}});
  ASSERT_EQ(line.action, CommandLine::Action::kServe) << line.text;
  EXPECT_EQ(line.options.threads, 5);
}

TEST(CommandLineTest, EmptyVariableIsNone) {
  EXPECT_EQ(Parse({}, {{"LATCHKEY_DRAIN_SECONDS", ""}}).options.drain_seconds,
            10);
}

TEST(CommandLineTest, FlagHidesABadVariable) {
  EXPECT_EQ(Parse({"--threads=2"}, {{"LATCHKEY_THREADS", "x"}}).action,
            CommandLine::Action::kServe);
}

TEST(CommandLineTest, RefusesBadArgumentsByName) {
  struct Row {
    const char* argument;
    const char* named;
  };
  for (const Row& row : {
           Row{"--nonsense", "--nonsense"},
           Row{"--nonsense=1", "--nonsense"},
           Row{"stray", "stray"},
           Row{"--listen=", "--listen"},
           Row{"--listen=127.0.0.1", "--listen"},
           Row{"--listen=127.0.0.1:65536", "--listen"},
           Row{"--listen=0.0.0.0:0", "--allow-insecure"},
           Row{"--listen=[::]:0", "--allow-insecure"},
           Row{"--listen=example.com:0", "--allow-insecure"},
           Row{"--allow-insecure=perhaps", "--allow-insecure"},
           Row{"--transport=pigeon", "--transport"},
           Row{"--transport=", "--transport"},
           Row{"--threads", "--threads"},
           Row{"--threads=", "--threads"},
           Row{"--threads=0", "--threads"},
           Row{"--threads=257", "--threads"},
           Row{"--threads=1.5", "--threads"},
           Row{"--threads=two", "--threads"},
           Row{"--threads=2x", "--threads"},
           Row{"--threads=99999999999999999999", "--threads"},
           Row{"--drain-seconds=-1", "--drain-seconds"},
           Row{"--drain-seconds=3601", "--drain-seconds"},
           Row{"--drain-seconds=10s", "--drain-seconds"},
           Row{"--key-bytes-max=0", "--key-bytes-max"},
           Row{"--key-bytes-max=1025", "--key-bytes-max"},
           Row{"--value-bytes-max=0", "--value-bytes-max"},
           Row{"--value-bytes-max=1048577", "--value-bytes-max"},
           Row{"--idempotency-window-seconds=0",
               "--idempotency-window-seconds"},
           Row{"--idempotency-window-seconds=86401",
               "--idempotency-window-seconds"},
           Row{"--idempotency-bytes-max=65535", "--idempotency-bytes-max"},
           Row{"--snapshot-bytes-max=2097151", "--snapshot-bytes-max"},
           Row{"--memory-max-bytes=8388607", "--memory-max-bytes"},
           Row{"--eviction=fifo", "--eviction"},
           Row{"--log-level=loud", "--log-level"},
           Row{"--log-format=xml", "--log-format"},
           Row{"--config=/nonexistent/latchkeyd.toml", "/nonexistent"},
           Row{"--config=", "--config"},
       }) {
    const CommandLine line = Parse({row.argument});
    EXPECT_EQ(line.action, CommandLine::Action::kRefuse) << row.argument;
    EXPECT_THAT(line.text, StartsWith("latchkeyd: ")) << row.argument;
    EXPECT_THAT(line.text, HasSubstr(row.named)) << row.argument;
    // One line.
    EXPECT_EQ(line.text.find('\n'), line.text.size() - 1) << line.text;
  }
}

TEST(CommandLineTest, SaysWhichTransportsThereAre) {
  EXPECT_THAT(Parse({"--transport=pigeon"}).text,
              HasSubstr("no transport 'pigeon'; there are native and grpc"));
}

TEST(CommandLineTest, RefusesAnOptionThatIsGivenTwice) {
  const CommandLine line = Parse({"--threads=1", "--threads=2"});
  EXPECT_EQ(line.action, CommandLine::Action::kRefuse);
  EXPECT_THAT(line.text, HasSubstr("--threads"));
}

TEST(CommandLineTest, RefusesBadVariablesByName) {
  for (const auto& [name, value] : Variables{
           {"LATCHKEY_THREADS", "0"},
           {"LATCHKEY_LISTEN", "nowhere"},
           {"LATCHKEY_DRAIN_SECONDS", "soon"},
           {"LATCHKEY_ALLOW_INSECURE", "perhaps"},
           {"LATCHKEY_CONFIG", "/nonexistent/latchkeyd.toml"},
       }) {
    const CommandLine line = Parse({}, {{name, value}});
    EXPECT_EQ(line.action, CommandLine::Action::kRefuse) << name;
    EXPECT_THAT(line.text, HasSubstr(name));
  }
}

TEST(CommandLineTest, RefusesBadFilesByName) {
  struct Row {
    const char* text;
    const char* named;
  };
  for (const Row& row : {
           Row{"nonsense = 1", "nonsense"},
           Row{"[server]\nthreads = 1", "server"},
           Row{"threads = 0", "threads"},
           Row{"threads = \"x\"", "threads"},
           Row{"threads = [1, 2]", "threads"},
           Row{"threads = ", "threads"},
           Row{"threads", "threads"},
           Row{"listen = \"0.0.0.0:0\"", "--allow-insecure"},
           Row{"allow-insecure = \"perhaps\"", "allow-insecure"},
           Row{"print-config = true", "print-config"},
           Row{"config = \"other.toml\"", "config"},
       }) {
    const ConfigFile file(std::string(row.text) + "\n");
    const CommandLine line = Parse({file.flag()});
    EXPECT_EQ(line.action, CommandLine::Action::kRefuse) << row.text;
    EXPECT_THAT(line.text, HasSubstr(row.named)) << row.text;
  }
}

TEST(CommandLineTest, SaysWhereABadValueComesFrom) {
  const ConfigFile file("threads = 0\n");
  EXPECT_THAT(Parse({file.flag()}).text, HasSubstr("(from " + file.path()));
  EXPECT_THAT(Parse({}, {{"LATCHKEY_THREADS", "0"}}).text,
              HasSubstr("(from LATCHKEY_THREADS)"));
  EXPECT_THAT(Parse({"--threads=0", file.flag()}).text,
              Not(HasSubstr("(from")));
}

TEST(CommandLineTest, InsecureIsAllowedWhereItIsMeant) {
  const CommandLine line = Parse({"--listen=0.0.0.0:0", "--allow-insecure"});
  ASSERT_EQ(line.action, CommandLine::Action::kServe) << line.text;
  EXPECT_TRUE(line.options.allow_insecure);
}

TEST(CommandLineTest, HelpNamesEveryOptionItsDefaultAndItsVariable) {
  const CommandLine line = Parse({"--help"});
  ASSERT_EQ(line.action, CommandLine::Action::kPrint);
  for (const char* text : {"--listen",
                           "127.0.0.1:7411",
                           "LATCHKEY_LISTEN",
                           "--allow-insecure",
                           "LATCHKEY_ALLOW_INSECURE",
                           "--tls-certificate",
                           "LATCHKEY_TLS_CERTIFICATE",
                           "--tls-key",
                           "--tls-client-ca",
                           "--tokens-file",
                           "--rules-file",
                           "--limits-file",
                           "--transport",
                           "--cors-origin",
                           "--threads",
                           "--connections-max",
                           "--connections-per-address-max",
                           "--connection-idle-seconds",
                           "--connection-age-seconds",
                           "--calls-per-connection-max",
                           "--calls-max",
                           "--call-seconds-max",
                           "--test-service-time-us",
                           "--drain-seconds",
                           "in seconds",
                           "LATCHKEY_DRAIN_SECONDS",
                           "--key-bytes-max",
                           "--value-bytes-max",
                           "1048576",
                           "--idempotency-window-seconds",
                           "--idempotency-bytes-max",
                           "--snapshot-bytes-max",
                           "--memory-max-bytes",
                           "--eviction",
                           "--log-level",
                           "--log-format",
                           "--config",
                           "LATCHKEY_CONFIG",
                           "--print-config",
                           "--version",
                           "--help"}) {
    EXPECT_THAT(line.text, HasSubstr(text));
  }
}

TEST(CommandLineTest, VersionIsTheProjects) {
  const CommandLine line = Parse({"--version"});
  EXPECT_EQ(line.action, CommandLine::Action::kPrint);
  EXPECT_EQ(line.text, "latchkeyd 0.1.0\n");
}

}  // namespace
}  // namespace latchkey
