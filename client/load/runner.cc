#include "client/load/runner.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/load/account_book.h"
#include "client/load/audit_workload.h"
#include "client/load/batch_cursor.h"
#include "client/load/key_value_workload.h"
#include "client/load/phase_runner.h"
#include "client/load/preload_workload.h"
#include "client/load/transfer_workload.h"
#include "client/load/value_codec.h"
#include "client/load/verify_run.h"
#include "client/load/version_floors.h"
#include "client/load/worker.h"

namespace latchkey::load {
namespace {

// Two audits differ only where a transfer still ran in the server after its
// caller had given it up, so a few suffice.
constexpr int kAuditsMax = 10;

// Each thread of each phase draws from a stream of its own.
constexpr uint32_t kWarmUpStream = 0;
constexpr uint32_t kMeasuredStream = 1 << 10;
constexpr uint32_t kPreloadStream = 2 << 10;

class Run {
 public:
  Run(const Options& options, Engine& engine, const ProgressSink& progress,
      const std::atomic<bool>& stop);

  RunResult Execute();

 private:
  // Each returns false where the run is over; result_ then says why.
  bool Connect();
  bool Preload();
  bool WarmUp();
  bool Measure();
  void Audit();

  Workloads MakePreload(BatchCursor* cursor);
  Workloads MakeLoad(uint32_t stream);
  // Nothing where it could not be read.
  std::optional<std::vector<AccountState>> ReadAccounts();

  bool GoOn(const PhaseSignals& signals, const Tally& tally) {
    return phases_.GoOn(signals, tally, &result_);
  }
  Nanos Now() { return phases_.Now(); }

  // Constant after construction.
  const Options& options_;
  Engine& engine_;
  const KeyNames names_;
  const KeyChooser chooser_;
  const ValueCodec codec_;
  const KeyValueShared key_values_;
  const TransferShared transfers_;

  // Shared by the threads, each safe by itself.
  VersionFloors floors_;
  AccountBook book_;

  // Of the thread that executes.
  PhaseRunner phases_;
  RunResult result_;
};

Run::Run(const Options& options, Engine& engine, const ProgressSink& progress,
         const std::atomic<bool>& stop)
    : options_(options),
      engine_(engine),
      names_(options.key_prefix, options.key_bytes),
      chooser_({.keys = options.key_count(),
                .distribution = options.distribution,
                .zipf_theta = options.zipf_theta,
                .seed = options.seed}),
      codec_(options.seed),
      key_values_{.mix = options.mix,
                  .chooser = chooser_,
                  .names = names_,
                  .codec = codec_,
                  .floors = floors_,
                  .value_bytes = options.value_bytes,
                  .ttl = options.ttl},
      transfers_{.mix = options.mix, .chooser = chooser_, .book = book_},
      floors_(options.transfers() ? 0 : options.keys),
      book_(names_, options.transfers() ? options.accounts : 0,
            options.initial_balance),
      phases_(options, engine, progress, stop) {
  result_.options = options;
  result_.total_expected = book_.total();
}

RunResult Run::Execute() {
  if (Connect() && Preload() && WarmUp() && Measure()) {
    if (options_.transfers()) Audit();
  }
  return std::move(result_);
}

bool Run::Connect() {
  const absl::Status connected = engine_.Connect(kConnectPatience);
  if (connected.ok()) return true;
  result_.ending = Ending::kUnavailable;
  result_.unavailable_message = std::string(connected.message());
  return false;
}

Workloads Run::MakePreload(BatchCursor* cursor) {
  Workloads workloads;
  for (uint32_t thread = 0; thread < options_.threads; ++thread) {
    PreloadWorkload::MakePut make_put;
    if (options_.transfers()) {
      make_put = [this](uint64_t account, v1::PutRequest* put) {
        put->set_key(names_.Name(account));
        put->set_value(std::to_string(options_.initial_balance));
      };
    } else {
      auto puts = std::make_shared<PutMaker>(key_values_, options_.seed,
                                             kPreloadStream + thread);
      make_put = [puts](uint64_t key_index, v1::PutRequest* put) {
        puts->Make(key_index, put);
      };
    }
    workloads.push_back(std::make_unique<PreloadWorkload>(
        *cursor, std::move(make_put),
        options_.transfers() ? book_.floors() : floors_,
        engine_.SlotCount(thread)));
  }
  return workloads;
}

bool Run::Preload() {
  BatchCursor cursor(options_.key_count(),
                     options_.key_bytes + options_.value_bytes.max);
  PhaseSignals signals;
  const Nanos start = Now();
  result_.preload = phases_.Run(
      "preload", MakePreload(&cursor),
      [](size_t) { return Phase{.must_not_fail = true}; }, &signals);
  result_.preload_elapsed = Now() - start;
  if (result_.preload.unanswered > 0) signals.gone = true;
  if (!GoOn(signals, result_.preload)) return false;
  if (signals.failed || result_.preload.failure_count > 0) {
    result_.ending = Ending::kPreloadFailed;
    return false;
  }
  return true;
}

Workloads Run::MakeLoad(uint32_t stream) {
  Workloads workloads;
  for (uint32_t thread = 0; thread < options_.threads; ++thread) {
    const size_t slots = engine_.SlotCount(thread);
    if (options_.transfers()) {
      workloads.push_back(std::make_unique<TransferWorkload>(
          transfers_, options_.seed, stream + thread, slots));
    } else {
      workloads.push_back(std::make_unique<KeyValueWorkload>(
          key_values_, options_.seed, stream + thread, slots));
    }
  }
  return workloads;
}

bool Run::WarmUp() {
  if (options_.warm_up == 0) return true;
  PhaseSignals signals;
  const Nanos start = Now();
  result_.warm_up = phases_.Run(
      "warm-up", MakeLoad(kWarmUpStream),
      phases_.PacedUntil(start, start + options_.warm_up), &signals);
  return GoOn(signals, result_.warm_up);
}

bool Run::Measure() {
  const Workloads workloads = MakeLoad(kMeasuredStream);
  PhaseSignals signals;
  if (options_.requests > 0) {
    signals.budget = static_cast<int64_t>(options_.requests);
  }
  const auto server_before = CpuTimeOf(options_.server_pid);
  const CpuTime client_before = OwnCpuTime();
  result_.measuring = true;
  const Nanos start = Now();
  const Nanos end =
      options_.requests > 0 ? kForever : start + options_.duration;

  result_.measured = phases_.Run("measure", workloads,
                                 phases_.PacedUntil(start, end), &signals);

  result_.elapsed = Now() - start;
  result_.client_cpu = OwnCpuTime() - client_before;
  const auto server_after = CpuTimeOf(options_.server_pid);
  if (server_before && server_after) {
    result_.server_cpu = *server_after - *server_before;
  }
  // An interrupted measurement is still audited.
  return GoOn(signals, result_.measured) ||
         result_.ending == Ending::kInterrupted;
}

std::optional<std::vector<AccountState>> Run::ReadAccounts() {
  // An interrupted run is audited all the same.
  static const std::atomic<bool> kNoStop = false;
  auto audit = std::make_unique<AuditWorkload>(book_, engine_.SlotCount(0));
  const AuditWorkload& read = *audit;
  Workloads workloads;
  workloads.push_back(std::move(audit));
  PhaseSignals signals;
  signals.stop = &kNoStop;
  const Tally tally = phases_.Run(
      "audit", workloads, [](size_t) { return Phase{.must_not_fail = true}; },
      &signals);
  result_.audit.Merge(tally);
  if (tally.unanswered > 0) {
    signals.gone = true;
    GoOn(signals, tally);
  }
  if (tally.error_count > 0 || tally.failure_count > 0) return std::nullopt;
  return read.accounts();
}

void Run::Audit() {
  std::optional<std::vector<AccountState>> before = ReadAccounts();
  for (int i = 1; before && i < kAuditsMax; ++i) {
    const auto after = ReadAccounts();
    if (after != before) {
      before = after;
      continue;
    }
    int64_t total = 0;
    for (const AccountState& account : *after) total += account.balance;
    result_.total = total;
    book_.CheckTotal(total, "at the end", result_.audit);
    book_.CheckBalances(*after, result_.audit);
    result_.balances_checked = book_.unknown() == 0;
    return;
  }
}

}  // namespace

RunResult RunLoad(const Options& options, Engine& engine,
                  const ProgressSink& progress, const std::atomic<bool>& stop,
                  std::ostream* history) {
  if (options.verify) {
    return RunVerified(options, engine, progress, stop, history);
  }
  return Run(options, engine, progress, stop).Execute();
}

}  // namespace latchkey::load
