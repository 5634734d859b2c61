#include "tests/verify/direct_run.h"

#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "client/load/tally.h"
#include "client/verify/round.h"
#include "latchkey/v1/cache.pb.h"

namespace latchkey::verify {
namespace {

constexpr char kPrefix[] = "run/";

load::ListedRequest Listed(Method method,
                           const google::protobuf::MessageLite& request) {
  return {method, request.SerializeAsString()};
}

}  // namespace

DirectRun::DirectRun(const DirectRunOptions& options)
    : options_(options),
      keys_(kPrefix, options.keys),
      engine_(options.engine),
      history_(options.engine.threads),
      verifier_({.log_prefix = keys_.LogPrefix()}) {
  for (uint32_t thread = 0; thread < options_.engine.threads; ++thread) {
    Client client;
    client.requests = std::make_unique<load::VerifyRequests>(
        keys_, load::VerifyRequestsOptions{.seed = options_.engine.seed,
                                           .thread = thread});
    client.workload = std::make_unique<load::VerifyWorkload>(
        *client.requests, history_.recorder(thread), progress_,
        engine_.Port(thread), /*slots=*/1,
        load::VerifyWorkloadOptions{
            .seed = options_.engine.seed, .first_process = thread, .list = {}});
    clients_.push_back(std::move(client));
  }
  RunList({Listed(Method::kBatchPut, load::VerifyRequests::Setup(keys_))});
}

DirectRun::~DirectRun() = default;

void DirectRun::Round(uint64_t operations) {
  std::vector<std::thread> threads;
  const size_t count = clients_.size();
  for (size_t i = 0; i < count; ++i) {
    threads.emplace_back([this, i, share = (operations + count - 1) / count] {
      RunOperations(*clients_[i].workload, i, share);
    });
  }
  for (std::thread& thread : threads) thread.join();
  ReadLogs();
  found_by_engine_ = engine_.violations();
  {
    const verify::Round round(history_);
    verifier_.CheckRound(round);
    if (options_.file != nullptr) options_.file->Write(round);
  }
  history_.Clear();
  engine_.BeginRound();
}

void DirectRun::ReadLogs() {
  std::vector<load::ListedRequest> list;
  for (const Client& client : clients_) {
    for (const std::string& log : client.requests->TakeLogs()) {
      v1::GetRequest get;
      get.set_key(log);
      list.push_back(Listed(Method::kGet, get));
    }
  }
  RunList(std::move(list));
}

Violations DirectRun::Findings() const {
  Violations all = found_by_engine_;
  all.Merge(found_by_verifier());
  return all;
}

void DirectRun::RunList(std::vector<load::ListedRequest> list) {
  load::VerifyWorkload workload(
      *clients_[0].requests, history_.recorder(0), progress_, engine_.Port(0),
      /*slots=*/1, {.seed = options_.engine.seed, .list = std::move(list)});
  RunOperations(workload, 0, UINT64_MAX);
}

void DirectRun::RunOperations(load::Workload& workload, size_t thread,
                              uint64_t operations) {
  load::CallPort& port = engine_.Port(thread);
  load::Tally tally;
  for (uint64_t i = 0; i < operations; ++i) {
    std::optional<load::Call> call = workload.Begin(0);
    if (!call.has_value()) return;
    while (call.has_value()) {
      port.Start(0, *call);
      const load::Step step =
          workload.Continue(0, *port.Poll(load::kForever), tally);
      call = step.next;
      // Nothing here gets better by waiting.
      if (step.rest.has_value()) call = workload.Resume(0);
    }
  }
}

}  // namespace latchkey::verify
