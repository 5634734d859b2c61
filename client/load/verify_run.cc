#include "client/load/verify_run.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/load/batch_cursor.h"
#include "client/load/phase_runner.h"
#include "client/load/process_cpu.h"
#include "client/load/runner.h"
#include "client/load/text_format.h"
#include "client/load/verify_requests.h"
#include "client/load/verify_workload.h"
#include "client/verify/history.h"
#include "client/verify/history_file.h"
#include "client/verify/verifier.h"

namespace latchkey::load {
namespace {

// What is begun must be ended, also where the run was told to stop.
const std::atomic<bool> kNoStop = false;

// All requests of one type that hold `keys`, as many in each as it may have.
template <typename Request, typename AddKey>
std::vector<ListedRequest> InBatches(Method method,
                                     const std::vector<std::string>& keys,
                                     AddKey add_key) {
  std::vector<ListedRequest> list;
  for (size_t i = 0; i < keys.size();) {
    Request request;
    for (; i < keys.size() && add_key(keys[i], &request); ++i) {
    }
    list.push_back({method, request.SerializeAsString()});
  }
  return list;
}

std::vector<ListedRequest> Deletes(const std::vector<std::string>& keys) {
  return InBatches<v1::BatchDeleteRequest>(
      Method::kBatchDelete, keys, [](const auto& key, auto* request) {
        if (request->deletes_size() == kBatchKeysMax) return false;
        request->add_deletes()->set_key(key);
        return true;
      });
}

std::vector<ListedRequest> AtomicReads(const std::vector<std::string>& keys) {
  return InBatches<v1::BatchGetRequest>(
      Method::kBatchGet, keys, [](const auto& key, auto* request) {
        if (request->keys_size() == kBatchKeysMax) return false;
        request->set_atomic(true);
        request->add_keys(key);
        return true;
      });
}

class VerifiedRun {
 public:
  VerifiedRun(const Options& options, Engine& engine,
              const ProgressSink& progress, const std::atomic<bool>& stop,
              std::ostream* history);

  RunResult Execute();

 private:
  // Each returns false where the run is over; result_ then says why.
  bool Connect();
  bool SetUp();
  bool Rounds();
  bool Round();
  bool RunOperations();
  bool CleanUp();
  // Sends all of `list`, each until it is answered well.
  bool RunList(std::string_view name, std::vector<ListedRequest> list);
  bool ReadLogs();
  // Whether the server has not lost its data since the run began.
  bool SentinelIsThere();
  bool Check();

  bool Restarted();
  bool Over() const;
  Workloads MakeWorkloads();

  // Constant after construction.
  const Options& options_;
  Engine& engine_;
  const std::atomic<bool>& stop_;
  const VerifyKeys keys_;

  PhaseRunner phases_;
  std::vector<std::unique_ptr<VerifyRequests>> requests_;
  VerifyProgress verify_progress_;
  verify::History history_;
  verify::Verifier verifier_;
  std::optional<verify::HistoryFile> history_file_;
  // Of options.requests.
  uint64_t operations_left_;
  // Of the last round; to be deleted.
  std::vector<std::string> old_logs_;
  RunResult result_;
};

VerifiedRun::VerifiedRun(const Options& options, Engine& engine,
                         const ProgressSink& progress,
                         const std::atomic<bool>& stop, std::ostream* history)
    : options_(options),
      engine_(engine),
      stop_(stop),
      keys_(options.key_prefix + "/" + options.run_id + "/"),
      phases_(options, engine, progress, stop),
      history_(options.threads),
      verifier_(
          {.log_prefix = keys_.LogPrefix(), .shared = options.verify_shared}),
      operations_left_(options.requests > 0 ? options.requests : UINT64_MAX) {
  for (uint32_t thread = 0; thread < options.threads; ++thread) {
    requests_.push_back(std::make_unique<VerifyRequests>(
        keys_, VerifyRequestsOptions{.seed = options.seed,
                                     .thread = thread,
                                     .value_bytes = options.value_bytes}));
  }
  if (history != nullptr) history_file_.emplace(*history);
  result_.options = options;
  result_.verify.emplace();
}

RunResult VerifiedRun::Execute() {
  if (Connect() && SetUp() && Rounds() && CleanUp()) Check();
  result_.verify->counts = verifier_.counts();
  result_.verify->violations = verifier_.violations();
  result_.verify->settled = verify_progress_.settled;
  return std::move(result_);
}

bool VerifiedRun::Connect() {
  const absl::Status connected = engine_.Connect(kConnectPatience);
  if (connected.ok()) return true;
  result_.ending = Ending::kUnavailable;
  result_.unavailable_message = std::string(connected.message());
  return false;
}

bool VerifiedRun::SetUp() {
  std::vector<ListedRequest> list = AtomicReads({keys_.Sentinel()});
  list.push_back(
      {Method::kBatchPut, VerifyRequests::Setup(keys_).SerializeAsString()});
  return RunList("set up", std::move(list));
}

bool VerifiedRun::RunList(std::string_view name,
                          std::vector<ListedRequest> list) {
  if (list.empty()) return true;
  Workloads workloads;
  workloads.push_back(std::make_unique<VerifyWorkload>(
      *requests_[0], history_.recorder(0), verify_progress_, engine_.Port(0),
      engine_.SlotCount(0),
      VerifyWorkloadOptions{.seed = options_.seed, .list = std::move(list)}));
  PhaseSignals signals;
  signals.stop = &kNoStop;
  const Tally tally = phases_.Run(
      name, workloads,
      [](size_t) {
        return Phase{.must_not_fail = true, .gone_after = kVerifyGoneAfter};
      },
      &signals);
  result_.audit.Merge(tally);
  if (verify_progress_.restarted) return Restarted();
  if (signals.gone || signals.failed) {
    signals.gone = true;
    return phases_.GoOn(signals, tally, &result_);
  }
  return true;
}

bool VerifiedRun::Restarted() {
  result_.ending = Ending::kRestarted;
  return false;
}

bool VerifiedRun::Over() const {
  return options_.requests > 0 ? operations_left_ == 0
                               : result_.elapsed >= options_.duration;
}

bool VerifiedRun::Rounds() {
  while (!Over()) {
    if (stop_.load(std::memory_order_relaxed)) {
      result_.ending = Ending::kInterrupted;
      break;
    }
    if (!Round()) return false;
  }
  return true;
}

bool VerifiedRun::Round() {
  return RunList("delete logs", Deletes(std::exchange(old_logs_, {}))) &&
         RunOperations() && ReadLogs() && SentinelIsThere() && Check();
}

Workloads VerifiedRun::MakeWorkloads() {
  Workloads workloads;
  uint32_t first_process = 0;
  for (uint32_t thread = 0; thread < options_.threads; ++thread) {
    workloads.push_back(std::make_unique<VerifyWorkload>(
        *requests_[thread], history_.recorder(thread), verify_progress_,
        engine_.Port(thread), engine_.SlotCount(thread),
        VerifyWorkloadOptions{
            .seed = options_.seed + result_.verify->counts.rounds,
            .first_process = first_process,
            .list = {}}));
    first_process += static_cast<uint32_t>(engine_.SlotCount(thread));
  }
  return workloads;
}

bool VerifiedRun::RunOperations() {
  const Workloads workloads = MakeWorkloads();
  PhaseSignals signals;
  const auto budget = static_cast<int64_t>(
      std::min(options_.round_operations, operations_left_));
  signals.budget = budget;
  const auto server_before = CpuTimeOf(options_.server_pid);
  const CpuTime client_before = OwnCpuTime();
  result_.measuring = true;
  const Nanos start = phases_.Now();
  const Nanos end = options_.requests > 0
                        ? kForever
                        : start + options_.duration - result_.elapsed;
  const MakePhase paced = phases_.PacedUntil(start, end);

  const Tally tally = phases_.Run(
      "verify", workloads,
      [&](size_t thread) {
        Phase phase = paced(thread);
        phase.gone_after = kVerifyGoneAfter;
        return phase;
      },
      &signals);

  result_.measured.Merge(tally);
  result_.elapsed += phases_.Now() - start;
  result_.client_cpu = result_.client_cpu + (OwnCpuTime() - client_before);
  const auto server_after = CpuTimeOf(options_.server_pid);
  if (server_before && server_after) {
    result_.server_cpu = result_.server_cpu.value_or(CpuTime()) +
                         (*server_after - *server_before);
  }
  operations_left_ -=
      static_cast<uint64_t>(budget - std::max<int64_t>(signals.budget, 0));
  if (verify_progress_.restarted) return Restarted();
  // An interrupted round is checked all the same.
  return !signals.gone || phases_.GoOn(signals, tally, &result_);
}

bool VerifiedRun::ReadLogs() {
  for (const auto& requests : requests_) {
    for (std::string& log : requests->TakeLogs()) {
      old_logs_.push_back(std::move(log));
    }
  }
  return RunList("read logs", AtomicReads(old_logs_));
}

bool VerifiedRun::SentinelIsThere() {
  if (!RunList("read sentinel", AtomicReads({keys_.Sentinel()}))) return false;
  const verify::HistoryEvent& last = history_.recorder(0).events().back();
  v1::BatchGetResponse answer;
  if (!verify::ParseMessage(last.response, &answer) ||
      answer.results_size() != 1 || !answer.results(0).has_entry()) {
    return Restarted();
  }
  return true;
}

bool VerifiedRun::CleanUp() {
  std::vector<std::string> keys = std::exchange(old_logs_, {});
  for (std::string& key : keys_.AllButLogs()) keys.push_back(std::move(key));
  return RunList("clean up", Deletes(keys));
}

bool VerifiedRun::Check() {
  const CpuTime before = OwnCpuTime();
  const verify::Round round(history_);
  verifier_.CheckRound(round);
  const CpuTime taken = OwnCpuTime() - before;
  if (history_file_) history_file_->Write(round);
  const size_t events = history_.size();
  history_.Clear();
  result_.verify->check_cpu = result_.verify->check_cpu + taken;
  result_.verify->counts = verifier_.counts();
  if (phases_.progress().out != nullptr) {
    *phases_.progress().out
        << "round " << verifier_.counts().rounds << "  "
        << WithThousands(events) << " operations checked in "
        << Fixed(static_cast<double>(taken.total()) / kNanosPerSecond, 2)
        << " s of CPU, " << WithThousands(verifier_.violations().count())
        << " violations" << std::endl;
  }
  return verifier_.violations().empty();
}

}  // namespace

RunResult RunVerified(const Options& options, Engine& engine,
                      const ProgressSink& progress,
                      const std::atomic<bool>& stop, std::ostream* history) {
  return VerifiedRun(options, engine, progress, stop, history).Execute();
}

}  // namespace latchkey::load
