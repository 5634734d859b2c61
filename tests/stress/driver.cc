#include "tests/stress/driver.h"

#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace latchkey::stress {
namespace {

using load::kForever;
using load::kNanosPerMilli;
using load::kNanosPerSecond;
using load::Nanos;

// A run without an answer for so long is stuck.
constexpr Nanos kStuck = 60 * kNanosPerSecond;

// How long a server is stopped: most times shortly, every tenth time for longer
// than a call may take.
constexpr uint64_t kShortStopMsMax = 100;
constexpr uint64_t kLongStopMs = 1'200;

constexpr Nanos kProgressEvery = 10 * kNanosPerSecond;

}  // namespace

Driver::Driver(const Options& options, load::CallPort& port, size_t slots,
               FaultProxy& proxy)
    : options_(options),
      port_(port),
      slots_(slots),
      proxy_(proxy),
      start_(port.Now()),
      end_(start_ + static_cast<Nanos>(options.seconds_max) * kNanosPerSecond),
      random_(options.seed),
      loop_(port, slots, record_, options.seed),
      next_progress_(start_ + kProgressEvery) {}

bool Driver::ReachedAll() const {
  return totals_.kills >= options_.kills &&
         loop_.totals().writes >= options_.writes &&
         proxy_.counters().resets >= options_.resets;
}

absl::Status Driver::Run() {
  // Such that the last kill comes about when the last write does.
  const uint64_t rounds = options_.rounds_per_life;
  const uint64_t writes_per_round =
      1 + options_.writes / ((options_.kills + 1) * rounds);
  while (true) {
    const absl::Status started = StartLife();
    if (!started.ok()) return started;
    const bool to_be_killed = totals_.kills < options_.kills;
    for (uint64_t round = 1;; ++round) {
      const bool last = to_be_killed && round >= rounds;
      const absl::Status loaded = LoadRound(
          last ? 1 + random_() % (2 * writes_per_round) : writes_per_round);
      if (!loaded.ok()) return loaded;
      if (last && !TimeIsUp()) break;
      const absl::Status ended = EndRound();
      if (!ended.ok()) return ended;
      if (TimeIsUp() || ReachedAll()) return absl::OkStatus();
    }
    KillLife();
  }
}

absl::Status Driver::StartLife() {
  auto life = Life::Start(options_.latchkeyd, ++lives_);
  if (!life.ok()) return life.status();
  const std::string last_stamp = life_ == nullptr ? "" : life_->stamp();
  life_ = *std::move(life);
  totals_.refused_late +=
      late_copies_.SendTo(*life_, last_stamp, &record_.violations());

  auto maker = std::make_unique<OperationMaker>(options_.seed, lives_, slots_);
  LifeCheck::Options check = {.log_prefix = maker->log_prefix(),
                              .first_version = life_->first_version()};
  if (!options_.history_folder.empty()) {
    check.history_path =
        absl::StrCat(options_.history_folder, "/life-", lives_, ".jsonl");
  }
  verify::HistoryEvent first = life_->first_event();
  first.process = static_cast<uint32_t>(slots_);
  record_.BeginLife(lives_, check, first);
  loop_.SetLife(lives_, maker.get());
  maker_ = std::move(maker);
  return proxy_.SetTarget(life_->address());
}

void Driver::KillLife() {
  life_->Kill();
  ++totals_.kills;
  continue_at_ = kForever;
  loop_.StopLoading();
  record_.KillLife(loop_.OpenWrites());
}

absl::Status Driver::LoadRound(uint64_t writes) {
  const uint64_t begun = loop_.totals().writes;
  uint64_t stop_after = UINT64_MAX;
  const uint64_t rounds = (options_.kills + 1) * options_.rounds_per_life;
  if (random_() % rounds < options_.stops) stop_after = random_() % writes;

  loop_.StartLoading();
  while (loop_.totals().writes < begun + writes && !TimeIsUp()) {
    if (loop_.totals().writes - begun >= stop_after) {
      stop_after = UINT64_MAX;
      StopServer();
    }
    const absl::Status step = Step();
    if (!step.ok()) return step;
  }
  return absl::OkStatus();
}

absl::Status Driver::EndRound() {
  loop_.StopLoading();
  absl::Status quiet = StepUntilQuiet();
  if (!quiet.ok()) return quiet;
  loop_.Make(maker_->FinalReads());
  quiet = StepUntilQuiet();
  if (!quiet.ok()) return quiet;
  record_.EndRound();
  for (const Operation& write : loop_.TakeCopyable()) {
    late_copies_.Keep(write.method, write.request->SerializeAsString());
  }
  return absl::OkStatus();
}

absl::Status Driver::StepUntilQuiet() {
  while (!loop_.quiet()) {
    const absl::Status step = Step();
    if (!step.ok()) return step;
  }
  return absl::OkStatus();
}

absl::Status Driver::Step() {
  loop_.Step(std::min(continue_at_, next_progress_));
  const Nanos now = port_.Now();
  if (now >= continue_at_) {
    continue_at_ = kForever;
    life_->Continue();
  }
  if (now >= next_progress_) Progress(now);
  if (now - loop_.last_answer() < kStuck) return absl::OkStatus();
  return absl::DeadlineExceededError(absl::StrCat(
      "no answer for ", kStuck / kNanosPerSecond, " s:\n", loop_.UnderWay()));
}

void Driver::StopServer() {
  life_->Stop();
  ++totals_.stops;
  const uint64_t ms =
      random_() % 10 == 0 ? kLongStopMs : 1 + random_() % kShortStopMsMax;
  continue_at_ = port_.Now() + static_cast<Nanos>(ms) * kNanosPerMilli;
}

void Driver::Progress(Nanos now) {
  next_progress_ = now + kProgressEvery;
  std::fprintf(stderr,
               "%4lld s: %llu kills, %llu resets, %llu writes, %llu "
               "operations, %llu violations\n",
               static_cast<long long>((now - start_) / kNanosPerSecond),
               static_cast<unsigned long long>(totals_.kills),
               static_cast<unsigned long long>(proxy_.counters().resets),
               static_cast<unsigned long long>(loop_.totals().writes),
               static_cast<unsigned long long>(loop_.totals().operations),
               static_cast<unsigned long long>(record_.violations().count()));
}

}  // namespace latchkey::stress
