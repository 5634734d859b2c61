#include "tests/simulation/simulation.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/load/random.h"
#include "client/load/verify_requests.h"
#include "client/verify/history.h"
#include "client/verify/round.h"
#include "tests/simulation/draw.h"
#include "tests/simulation/late_copies.h"
#include "tests/simulation/life.h"
#include "tests/simulation/network.h"
#include "tests/simulation/scheduler.h"
#include "tests/simulation/simulated_client.h"

namespace latchkey::simulation {
namespace {

constexpr uint64_t kRunStream = uint64_t{8} << 40;

// So short that much outlives it, in whole seconds as stamps are.
constexpr Nanos kWindow = 5 * kNanosPerSecond;

// A ledger that is soon full, and a snapshot that is soon lost.
constexpr size_t kSmallLedgerBytes = 16 * 1024;
constexpr size_t kSmallSnapshotBytes = 4 * 1024;
constexpr uint64_t kSmallOneIn = 4;

constexpr uint64_t kClientsMin = 4;
constexpr uint64_t kClientsMax = 10;

constexpr Nanos kLifeMin = kNanosPerSecond;
constexpr Nanos kLifeMax = 100 * kNanosPerSecond;
constexpr Nanos kRestartMin = 10 * kNanosPerMicro;
constexpr Nanos kRestartMax = 3 * kNanosPerSecond;

constexpr uint64_t kSweptMax = 64;

// A lane that is soon full.
constexpr AdmissionOptions kLane = {.items_max = 4,
                                    .delay_target = 50 * kNanosPerMicro,
                                    .interval = 500 * kNanosPerMicro,
                                    .servers = 2};

// So few that each call meets others.
constexpr load::VerifyKeyCounts kFewKeys = {.data = 6,
                                            .movable = 3,
                                            .accounts = 4,
                                            .missing_accounts = 1,
                                            .counters = 2};

class Run {
 public:
  explicit Run(const SimulationOptions& options);

  SimulationResult Execute();

 private:
  // Runs on a fiber.
  void Main();
  // Lets clients act on life_ until `end`, kills it and has it judged.
  void LiveUntil(UnixNanos end);
  void BeginLife();
  void ReadLogs();
  void JudgeLife();
  // Nothing is left when nobody needs it.
  void CheckEnd(uint64_t entries);

  // Starts a fiber that is waited for before the life is judged.
  void StartActor(std::string_view name, std::function<void()> body);

  const SimulationOptions options_;
  load::Random random_;
  Scheduler scheduler_;
  VirtualClock clock_;
  Network network_;
  LateCopies late_copies_;
  const load::VerifyKeys keys_;
  StoreOptions store_options_;
  std::vector<std::unique_ptr<SimulatedClient>> clients_;

  std::shared_ptr<Life> life_;
  std::unique_ptr<verify::History> history_;
  size_t actors_ = 0;
  Signal actor_ended_;
  SimulationResult result_;
};

Run::Run(const SimulationOptions& options)
    : options_(options),
      random_(options.seed, kRunStream),
      scheduler_({.seed = options.seed}),
      clock_(scheduler_),
      network_(scheduler_),
      late_copies_(options.seed, kWindow, scheduler_, network_),
      keys_(kKeyPrefix, kFewKeys),
      actor_ended_(scheduler_) {
  store_options_.idempotency_window = kWindow;
  if (options.small_ledger || random_.Below(kSmallOneIn) == 0) {
    store_options_.idempotency_bytes_max = kSmallLedgerBytes;
  }
  const bool small_snapshots = random_.Below(kSmallOneIn) == 0;
  if (small_snapshots) {
    store_options_.snapshot_bytes_max = kSmallSnapshotBytes;
  }
  const uint64_t clients =
      kClientsMin + random_.Below(kClientsMax - kClientsMin + 1);
  for (uint64_t client = 0; client < clients; ++client) {
    clients_.push_back(std::make_unique<SimulatedClient>(
        SimulatedClientOptions{
            .port = {.seed = options.seed, .client = client, .window = kWindow},
            .snapshots_may_be_lost = small_snapshots},
        scheduler_, network_, late_copies_, keys_, &result_.violations));
  }
}

SimulationResult Run::Execute() {
  scheduler_.Start("main", [this] { Main(); });
  scheduler_.Run();
  for (const std::string& failure : scheduler_.failures()) {
    result_.violations.Add(sort::kLocks, failure);
  }
  result_.trace = scheduler_.trace();
  result_.steps = scheduler_.steps();
  result_.switches = scheduler_.switches();
  result_.stalls = scheduler_.stalls();
  result_.lock_waits = scheduler_.lock_waits();
  result_.late_copies = late_copies_.sent();
  for (const auto& client : clients_) {
    result_.scans.Add(client->scans());
    result_.expiry_reads += client->expiry_reads();
  }
  return std::move(result_);
}

void Run::Main() {
  Nanos left = options_.seconds * kNanosPerSecond;
  while (left > 0) {
    BeginLife();
    const Nanos length = std::min(left, DrawNanos(random_, kLifeMin, kLifeMax));
    left -= length;
    LiveUntil(scheduler_.now() + length);
  }
  network_.Close();
}

void Run::BeginLife() {
  ++result_.lives;
  life_ = std::make_shared<Life>(
      LifeOptions{.seed = random_.Next(),
                  .store = store_options_,
                  .lane = kLane,
                  .swept_max = 1 + random_.Below(kSweptMax)},
      scheduler_, clock_, &result_.violations);
  network_.Connect(life_);
  history_ = std::make_unique<verify::History>(clients_.size());
  for (size_t i = 0; i < clients_.size(); ++i) {
    clients_[i]->Connect(life_, &history_->recorder(i));
  }
}

void Run::LiveUntil(UnixNanos end) {
  clients_[0]->RunList(
      {{verify::Method::kBatchPut,
        load::VerifyRequests::Setup(keys_).SerializeAsString()}});
  for (const auto& client : clients_) {
    StartActor("client", [&client] { client->Run(); });
  }
  scheduler_.WaitUntil(end);
  life_->Kill();
  while (actors_ > 0) actor_ended_.Wait();
  life_->AwaitEnd();
  ReadLogs();
  JudgeLife();
  scheduler_.WaitFor(DrawNanos(random_, kRestartMin, kRestartMax));
}

void Run::StartActor(std::string_view name, std::function<void()> body) {
  ++actors_;
  scheduler_.Start(name, [this, body = std::move(body)] {
    body();
    --actors_;
    actor_ended_.NotifyAll();
  });
}

void Run::ReadLogs() {
  std::vector<load::ListedRequest> list;
  for (const auto& client : clients_) {
    for (const std::string& log : client->TakeLogs()) {
      v1::GetRequest get;
      get.set_key(log);
      list.push_back({verify::Method::kGet, get.SerializeAsString()});
    }
  }
  clients_[0]->RunList(std::move(list));
}

void Run::JudgeLife() {
  life_->judge().Judge();
  result_.lanes.Add(life_->lane_metrics());
  verify::Verifier verifier({.log_prefix = keys_.LogPrefix()});
  verifier.CheckRound(verify::Round(*history_));
  result_.violations.Merge(verifier.violations());
  result_.checked.Add(verifier.counts());
  uint64_t brief = 0;
  for (const auto& client : clients_) brief += client->brief_entries();
  CheckEnd(verifier.keys() - brief);
}

void Run::CheckEnd(uint64_t entries) {
  Store& store = life_->store();
  scheduler_.WaitFor(
      std::max({kWindow, ExpiryCheck::kTtlMax, SnapshotTable::kIdleMax}));
  store.SweepLedger(SIZE_MAX);
  store.SweepExpired(SIZE_MAX);
  store.scanner().Sweep(SIZE_MAX);
  const auto expect = [this](std::string_view what, uint64_t left,
                             uint64_t expected) {
    if (left == expected) return;
    result_.violations.Add(sort::kLeft,
                           std::string(what) + ": " + std::to_string(left) +
                               " instead of " + std::to_string(expected));
  };
  expect("records", store.ledger_budget().records(), 0);
  expect("bytes of records", store.ledger_budget().bytes(), 0);
  expect("entries", store.EntryCount(), entries);
  // As many scans can begin as ever.
  std::vector<std::unique_ptr<Scan>> scans;
  for (size_t i = 0; i < kSnapshotsMax; ++i) {
    auto scan = store.scanner().Start({.snapshot = true});
    if (scan.ok()) scans.push_back(*std::move(scan));
  }
  expect("places for scans", scans.size(), kSnapshotsMax);
}

}  // namespace

SimulationResult Simulate(const SimulationOptions& options) {
  return Run(options).Execute();
}

void LaneCounts::Add(const LaneMetrics& metrics) {
  Add({.run = metrics.runs(),
       .refused = metrics.dropped(LaneMetrics::Cause::kRefused),
       .shed = metrics.dropped(LaneMetrics::Cause::kShed),
       .ended = metrics.dropped(LaneMetrics::Cause::kEnded)});
}

void LaneCounts::Add(const LaneCounts& other) {
  run += other.run;
  refused += other.refused;
  shed += other.shed;
  ended += other.ended;
}

void SimulationResult::Add(const SimulationResult& other) {
  violations.Merge(other.violations);
  trace = load::Mix64(trace ^ other.trace);
  checked.Add(other.checked);
  scans.Add(other.scans);
  lanes.Add(other.lanes);
  lives += other.lives;
  late_copies += other.late_copies;
  expiry_reads += other.expiry_reads;
  steps += other.steps;
  switches += other.switches;
  stalls += other.stalls;
  lock_waits += other.lock_waits;
}

}  // namespace latchkey::simulation
