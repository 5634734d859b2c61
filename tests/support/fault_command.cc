#include "tests/support/fault_command.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace latchkey {

const char kFaultCommandHelp[] =
    R"(DIRECTION is to-server, to-client or both.

  target ADDRESS:PORT          forward later connections to another server
  drop DIRECTION               black hole, until `resume`
  resume DIRECTION
  delay DIRECTION MS           hold the next bytes, and all behind them
  truncate DIRECTION BYTES     forward so many more bytes, then close
  reset                        close both sides by RST
  lose-replies COUNT           swallow the next replies of the server, which
                               must speak HTTP/2, and reset their connections;
                               0 ends it
  mirror COUNT|all|off [LAG_MS]
                               send all that the client sends over a second
                               connection as well, so much later; for the next
                               connections
  random NAME=NUMBER...        faults at random on all connections; of the NAMEs
                                 seed     drawn where it is not given
                                 bytes    a fault strikes each time a client
                                          has sent 1 to so many bytes more
                                 reset lose-reply truncate delay drop
                                          how often each is the one that does
                                 mirror   percent of later connections
                                 delay-ms drop-ms mirror-lag-ms truncate-bytes
                                          at most
  random off
  counters                     what has happened since the start

drop, resume, delay, truncate and reset act on the connections at hand and
answer `ok connections=COUNT`; `random` answers `ok seed=SEED`, `counters` one
pair for each count; the others answer `ok`.  What was not understood is answered
with `error` and the reason, and changes nothing.
)";

namespace {

using Words = std::vector<std::string>;

// A day: more is a mistake.
constexpr uint64_t kMillisecondsMax = 86'400'000;
constexpr uint64_t kCountMax = 1'000'000'000;

absl::Status Wrong(const std::string& message) {
  return absl::InvalidArgumentError(message);
}

absl::StatusOr<uint64_t> ParseNumber(const char* name, const std::string& text,
                                     uint64_t most) {
  uint64_t number = 0;
  // SimpleAtoi takes signs and white space.
  const bool digits = text.find_first_not_of("0123456789") == text.npos;
  if (!digits || !absl::SimpleAtoi(text, &number) || number > most) {
    return Wrong(
        absl::StrCat(name, " is a number from 0 to ", most, ", not ", text));
  }
  return number;
}

absl::StatusOr<Direction> ParseDirection(const std::string& text) {
  if (text == "to-server") return Direction::kToServer;
  if (text == "to-client") return Direction::kToClient;
  if (text == "both") return Direction::kBoth;
  return Wrong(
      absl::StrCat("DIRECTION is to-server, to-client or both, not ", text));
}

std::string OkConnections(int connections) {
  return absl::StrCat("ok connections=", connections);
}

using Answer = absl::StatusOr<std::string>;

Answer RunTarget(FaultProxy& proxy, const Words& words) {
  const absl::Status status = proxy.SetTarget(words[1]);
  if (!status.ok()) return status;
  return "ok";
}

Answer RunDrop(FaultProxy& proxy, const Words& words) {
  const auto direction = ParseDirection(words[1]);
  if (!direction.ok()) return direction.status();
  return OkConnections(proxy.Drop(*direction));
}

Answer RunResume(FaultProxy& proxy, const Words& words) {
  const auto direction = ParseDirection(words[1]);
  if (!direction.ok()) return direction.status();
  return OkConnections(proxy.Resume(*direction));
}

Answer RunDelay(FaultProxy& proxy, const Words& words) {
  const auto direction = ParseDirection(words[1]);
  if (!direction.ok()) return direction.status();
  const auto time = ParseNumber("MS", words[2], kMillisecondsMax);
  if (!time.ok()) return time.status();
  return OkConnections(
      proxy.Delay(*direction, std::chrono::milliseconds(*time)));
}

Answer RunTruncate(FaultProxy& proxy, const Words& words) {
  const auto direction = ParseDirection(words[1]);
  if (!direction.ok()) return direction.status();
  const auto bytes = ParseNumber("BYTES", words[2], kCountMax);
  if (!bytes.ok()) return bytes.status();
  return OkConnections(proxy.Truncate(*direction, *bytes));
}

Answer RunReset(FaultProxy& proxy, const Words&) {
  return OkConnections(proxy.Reset());
}

Answer RunLoseReplies(FaultProxy& proxy, const Words& words) {
  const auto count = ParseNumber("COUNT", words[1], kCountMax);
  if (!count.ok()) return count.status();
  proxy.LoseReplies(static_cast<int>(*count));
  return "ok";
}

Answer RunMirror(FaultProxy& proxy, const Words& words) {
  int connections = FaultProxy::kNoLimit;
  if (words[1] == "off") {
    connections = 0;
  } else if (words[1] != "all") {
    const auto count = ParseNumber("COUNT", words[1], kCountMax);
    if (!count.ok()) return count.status();
    connections = static_cast<int>(*count);
  }
  uint64_t lag = 0;
  if (words.size() > 2) {
    const auto given = ParseNumber("LAG_MS", words[2], kMillisecondsMax);
    if (!given.ok()) return given.status();
    lag = *given;
  }
  proxy.Mirror(connections, std::chrono::milliseconds(lag));
  return "ok";
}

absl::Status SetField(RandomFaults& faults, const std::string& name,
                      const std::string& value) {
  uint64_t number = 0;
  if (name == "seed") {
    const auto seed = ParseNumber("seed", value, UINT64_MAX);
    if (!seed.ok()) return seed.status();
    faults.seed = *seed;
    return absl::OkStatus();
  }
  const auto parsed = ParseNumber(name.c_str(), value, kCountMax);
  if (!parsed.ok()) return parsed.status();
  number = *parsed;
  const std::pair<const char*, uint32_t*> weights[] = {
      {"reset", &faults.reset},       {"lose-reply", &faults.lose_reply},
      {"truncate", &faults.truncate}, {"delay", &faults.delay},
      {"drop", &faults.drop},         {"mirror", &faults.mirror_percent}};
  for (const auto& [field, weight] : weights) {
    if (name == field) {
      *weight = static_cast<uint32_t>(number);
      return absl::OkStatus();
    }
  }
  const std::pair<const char*, std::chrono::milliseconds*> times[] = {
      {"delay-ms", &faults.delay_max},
      {"drop-ms", &faults.drop_max},
      {"mirror-lag-ms", &faults.mirror_lag_max}};
  for (const auto& [field, time] : times) {
    if (name == field) {
      *time = std::chrono::milliseconds(number);
      return absl::OkStatus();
    }
  }
  const std::pair<const char*, uint64_t*> bytes[] = {
      {"bytes", &faults.bytes_between_max},
      {"truncate-bytes", &faults.truncate_bytes_max}};
  for (const auto& [field, count] : bytes) {
    if (name == field) {
      *count = number;
      return absl::OkStatus();
    }
  }
  return Wrong(absl::StrCat("`random` has no ", name));
}

Answer RunRandom(FaultProxy& proxy, const Words& words) {
  if (words[1] == "off") {
    if (words.size() > 2) return Wrong("usage: random off");
    const absl::Status status = proxy.SetRandomFaults(std::nullopt);
    if (!status.ok()) return status;
    return "ok";
  }
  RandomFaults faults;
  faults.seed = std::random_device()();
  for (size_t i = 1; i < words.size(); ++i) {
    const size_t equals = words[i].find('=');
    if (equals == std::string::npos) {
      return Wrong(absl::StrCat("`random` takes NAME=NUMBER, not ", words[i]));
    }
    const absl::Status status = SetField(faults, words[i].substr(0, equals),
                                         words[i].substr(equals + 1));
    if (!status.ok()) return status;
  }
  const absl::Status status = proxy.SetRandomFaults(faults);
  if (!status.ok()) return status;
  return absl::StrCat("ok seed=", faults.seed);
}

Answer RunCounters(FaultProxy& proxy, const Words&) {
  const FaultCounters counters = proxy.counters();
  return absl::StrCat(
      "ok connections=", counters.connections,
      " open=", counters.connections_open,
      " unreachable=", counters.unreachable, " resets=", counters.resets,
      " replies-lost=", counters.replies_lost,
      " truncations=", counters.truncations, " drops=", counters.drops,
      " delays=", counters.delays, " mirrored=", counters.mirrored,
      " mirrors-cut=", counters.mirrors_cut,
      " mirrors-open=", counters.mirrors_open,
      " bytes-to-server=", counters.bytes_to_server,
      " bytes-to-client=", counters.bytes_to_client,
      " bytes-mirrored=", counters.bytes_mirrored);
}

struct Command {
  const char* name;
  const char* usage;
  // With the name.
  size_t words_min;
  size_t words_max;
  Answer (*run)(FaultProxy& proxy, const Words& words);
};

constexpr Command kCommands[] = {
    {"target", "target ADDRESS:PORT", 2, 2, RunTarget},
    {"drop", "drop DIRECTION", 2, 2, RunDrop},
    {"resume", "resume DIRECTION", 2, 2, RunResume},
    {"delay", "delay DIRECTION MS", 3, 3, RunDelay},
    {"truncate", "truncate DIRECTION BYTES", 3, 3, RunTruncate},
    {"reset", "reset", 1, 1, RunReset},
    {"lose-replies", "lose-replies COUNT", 2, 2, RunLoseReplies},
    {"mirror", "mirror COUNT|all|off [LAG_MS]", 2, 3, RunMirror},
    {"random", "random NAME=NUMBER... | random off", 2, 32, RunRandom},
    {"counters", "counters", 1, 1, RunCounters},
};

Answer Run(FaultProxy& proxy, const Words& words) {
  if (words.empty()) return Wrong("empty line");
  for (const Command& command : kCommands) {
    if (words[0] != command.name) continue;
    if (words.size() < command.words_min || words.size() > command.words_max) {
      return Wrong(absl::StrCat("usage: ", command.usage));
    }
    return command.run(proxy, words);
  }
  return Wrong(absl::StrCat("no command ", words[0], "; --help lists them"));
}

}  // namespace

std::string RunFaultCommand(FaultProxy& proxy, std::string_view line) {
  const Words words = absl::StrSplit(
      std::string(line), absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
  const Answer answer = Run(proxy, words);
  if (answer.ok()) return *answer;
  return absl::StrCat("error ", std::string(answer.status().message()));
}

}  // namespace latchkey
