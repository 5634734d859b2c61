// attacks: a server under attack, and what becomes of a client that does
// nothing wrong meanwhile.  --help says what it does.

#include <poll.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/attacks/client_socket.h"
#include "tests/attacks/flood.h"
#include "tests/attacks/good_client.h"
#include "tests/attacks/scripts.h"
#include "tests/attacks/target.h"
#include "tests/support/test_certificate.h"

namespace latchkey {
namespace {

// What is promised.
constexpr double kGoodputMin = 0.8;
constexpr double kMebibyte = 1024 * 1024;
constexpr double kMemoryOverMax = 64;
constexpr Nanos kRecoveryMax = kNanosPerSecond;

// How long is waited to see by how much that was missed.
constexpr Nanos kRecoveryWait = 5 * kNanosPerSecond;

// How long is waited for what an attack has left in memory to be given back,
// and what may stay of it.
constexpr Nanos kSettleWait = 5 * kNanosPerSecond;
constexpr int64_t kSettledBytes = 4 * 1024 * 1024;

constexpr int64_t kMemoryMax = 64 * 1024 * 1024;

struct Options {
  std::string latchkeyd;
  double seconds = 10;
  std::vector<std::string> only;
};

Nanos Now() { return SystemClock().Now(); }

double Millis(Nanos time) { return static_cast<double>(time) / 1e6; }

// The server gets a core of its own where there are two.
void UseCore(bool servers) {
  static const std::vector<int> cores = [] {
    std::vector<int> found;
    cpu_set_t set;
    sched_getaffinity(0, sizeof(set), &set);
    for (int i = 0; i < CPU_SETSIZE; ++i) {
      if (CPU_ISSET(i, &set)) found.push_back(i);
    }
    return found;
  }();
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(servers ? cores.front() : cores.back(), &set);
  sched_setaffinity(0, sizeof(set), &set);
}

// An attacker in a process of its own, so that its descriptors are its own, and
// gone with it.
class Attacker {
 public:
  Attacker(const Script& script, int port, Nanos length) {
    int ends[2];
    if (pipe(ends) != 0) std::abort();
    pid_ = fork();
    if (pid_ == 0) {
      // The client shares its core, and must not look slow for that.
      setpriority(PRIO_PROCESS, 0, 10);
      const FloodResult result = RunFlood(script, port, length);
      const bool told =
          write(ends[1], &result, sizeof(result)) == sizeof(result);
      _exit(told ? 0 : 1);
    }
    close(ends[1]);
    result_ = ends[0];
  }

  FloodResult Wait() {
    FloodResult result;
    if (read(result_, &result, sizeof(result)) != sizeof(result)) std::abort();
    close(result_);
    waitpid(pid_, nullptr, 0);
    return result;
  }

 private:
  pid_t pid_;
  int result_;
};

// One server, with a good client, for some attacks.
class Scene {
 public:
  Scene(const Options& options, const std::vector<std::string>& arguments,
        SSL_CTX* tls)
      : seconds_(options.seconds) {
    UseCore(true);
    target_ = std::make_unique<Target>(options.latchkeyd, arguments);
    UseCore(false);
    good_ = {.port = target_->port(), .tls = tls};
    client_ = std::make_unique<GoodClient>(good_);
    // Full, so that what attacks take is not taken from room that is free.
    client_->Fill(30'000, 4'000);
    rate_ = 0.35 *
            static_cast<double>(client_->Run(0, kNanosPerSecond, {}).answered);
    // What was freed meanwhile is given back.
    client_->Run(rate_, 3 * kNanosPerSecond, {});
    settled_bytes_ = target_->ResidentBytes() + kSettledBytes;
    std::printf("a server%s, and a client with %.0f requests/s\n",
                tls == nullptr ? "" : " with TLS", rate_);
  }

  // Returns whether the server kept what is promised; at the second try, where
  // other work on the machine may be why it did not at the first.
  bool Run(const Attack& attack) { return Try(attack) || Try(attack); }

  bool Stop() {
    client_.reset();
    return target_->Stop();
  }

 private:
  // Calls at the client's rate until what the last attack left is given back,
  // so that it is not counted as the next one's.
  GoodClient::Result Settle() {
    const Nanos end = Now() + kSettleWait;
    GoodClient::Result result;
    do {
      result = client_->Run(rate_, kNanosPerSecond / 2, {});
    } while (target_->ResidentBytes() > settled_bytes_ && Now() < end);
    return result;
  }

  bool Try(const Attack& attack) {
    const GoodClient::Result before = Settle();
    const int64_t resident = target_->ResidentBytes();
    const int descriptors = target_->Descriptors();
    target_->ForgetPeak();
    if (attack.few_descriptors) target_->LimitDescriptors(64);

    const auto length = static_cast<Nanos>(seconds_ * kNanosPerSecond);
    const Nanos cpu = target_->Cpu();
    Attacker attacker(attack.script, target_->port(), length);
    const GoodClient::Result during = client_->Run(rate_, length, {});
    const FloodResult flood = attacker.Wait();

    const Nanos end = Now();
    const Nanos busy = target_->Cpu() - cpu;
    const Nanos fresh = GoodClient::FreshCall(good_, kRecoveryWait);
    while (target_->Descriptors() > descriptors &&
           Now() - end < kRecoveryWait) {
      poll(nullptr, 0, 1);
    }
    const Nanos recovery = Now() - end;
    if (attack.few_descriptors) target_->LimitDescriptors(-1);
    const auto over = [](int64_t bytes) {
      return static_cast<double>(bytes - kMemoryMax) / kMebibyte;
    };
    const double peak = over(target_->PeakBytes());
    const bool kept = during.goodput() >= kGoodputMin * before.goodput() &&
                      during.errors == 0 && peak <= kMemoryOverMax &&
                      fresh >= 0 && fresh <= kRecoveryMax &&
                      recovery <= kRecoveryMax;
    std::printf(
        "%-28s %-6s goodput %5.1f %% (before: %5.1f %%), errors %lld%s%s, "
        "memory %+.1f MiB (before: %+.1f), descriptors %d -> %d in %.0f ms, "
        "fresh answer in %.1f ms; server busy %.0f %%, attacker: %lld "
        "connections, %.1f MiB\n",
        attack.name.c_str(), kept ? "ok" : "missed", 100 * during.goodput(),
        100 * before.goodput(), static_cast<long long>(during.errors),
        during.errors > 0 ? ": " : "", during.first_error.c_str(), peak,
        over(resident), descriptors, target_->Descriptors(), Millis(recovery),
        Millis(fresh),
        100 * static_cast<double>(busy) / static_cast<double>(length),
        static_cast<long long>(flood.connects),
        static_cast<double>(flood.bytes) / kMebibyte);
    std::fflush(stdout);
    if (during.errors > 0) client_ = std::make_unique<GoodClient>(good_);
    return kept;
  }

  const double seconds_;
  std::unique_ptr<Target> target_;
  GoodClient::Options good_;
  std::unique_ptr<GoodClient> client_;
  double rate_ = 0;
  // With no more resident, what an attack took was given back.
  int64_t settled_bytes_ = 0;
};

int Run(const Options& options) {
  std::vector<Attack> attacks = AllAttacks();
  if (!options.only.empty()) {
    std::erase_if(attacks, [&](const Attack& attack) {
      return std::find(options.only.begin(), options.only.end(), attack.name) ==
             options.only.end();
    });
  }
  const TestCertificate certificate("localhost");
  const std::string folder =
      std::filesystem::temp_directory_path() / "latchkey-attacks-XXXXXX";
  std::string made = folder;
  if (mkdtemp(made.data()) == nullptr) return 2;
  std::ofstream(made + "/certificate") << certificate.certificate();
  std::ofstream(made + "/key") << certificate.key();

  int passed = 0;
  int failed = 0;
  for (const bool tls : {false, true}) {
    if (std::none_of(attacks.begin(), attacks.end(),
                     [tls](const Attack& one) { return one.tls == tls; })) {
      continue;
    }
    std::vector<std::string> arguments = {
        "--transport=native",
        "--threads=1",
        "--bulk-threads=1",
        "--connections-max=1024",
        "--calls-max=10000",
        "--memory-max-bytes=" + std::to_string(kMemoryMax)};
    if (tls) {
      arguments.push_back("--tls-certificate=" + made + "/certificate");
      arguments.push_back("--tls-key=" + made + "/key");
    }
    Scene scene(options, arguments, tls ? NewClientTls(0) : nullptr);
    for (const Attack& attack : attacks) {
      if (attack.tls != tls) continue;
      ++(scene.Run(attack) ? passed : failed);
    }
    ++(scene.Stop() ? passed : failed);
  }
  std::filesystem::remove_all(made);
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace latchkey

int main(int argc, char** argv) {
  latchkey::Options options;
  CLI::App app(
      "Attacks a server in every way that it knows, one after the other, "
      "beside "
      "a client that makes calls on a timetable.  Of that one's requests, 80 % "
      "of what was answered in time before must be, and none may fail; the "
      "server may have 64 MiB over its --memory-max-bytes; and a second after "
      "the attack a new connection must have been served, and no descriptor "
      "be left over.  An attack by which any of it was missed is tried once "
      "more.  Exits with 1 where it was missed again.");
  app.add_option("--latchkeyd", options.latchkeyd, "The server")->required();
  app.add_option("--seconds", options.seconds, "How long each attack lasts");
  app.add_option("--only", options.only, "Names of attacks; else all");
  CLI11_PARSE(app, argc, argv);
  std::signal(SIGPIPE, SIG_IGN);
  rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  // Other work on the machine is not part of the attack.  It is no matter where
  // that is not permitted.
  setpriority(PRIO_PROCESS, 0, -10);
  return latchkey::Run(options);
}
