#include "tests/simulation/simulated_client.h"

#include <optional>
#include <utility>

#include "tests/simulation/draw.h"

namespace latchkey::simulation {
namespace {

constexpr uint64_t kClientStreams = uint64_t{7} << 40;

// What a client does, in a hundred times; the rest are operations.
constexpr uint64_t kScans = 3;
constexpr uint64_t kBriefPuts = 4;
constexpr uint64_t kBriefReads = 6;
constexpr uint64_t kLateCopies = 15;
constexpr uint64_t kFanOuts = 3;

// As Draw(), of a hundred.
constexpr uint64_t kPercent = 100;

constexpr Nanos kThoughtMin = kNanosPerMicro;
constexpr Nanos kThoughtMax = 200 * kNanosPerMicro;
constexpr uint64_t kTicksMax = 2;

}  // namespace

SimulatedClient::SimulatedClient(const SimulatedClientOptions& options,
                                 Scheduler& scheduler, Network& network,
                                 LateCopies& late_copies,
                                 const load::VerifyKeys& keys,
                                 verify::Violations* violations)
    : options_(options),
      scheduler_(scheduler),
      late_copies_(late_copies),
      random_(options.port.seed, kClientStreams + options.port.client),
      requests_(keys, {.seed = options.port.seed,
                       .thread = static_cast<uint32_t>(options.port.client)}),
      port_(options.port, scheduler, network, late_copies),
      scan_check_(options.port.seed, static_cast<uint32_t>(options.port.client),
                  options.snapshots_may_be_lost, scheduler, keys, violations),
      expiry_check_(options.port.seed, options.port.client, scheduler,
                    violations),
      fan_out_check_(options.port.seed, options.port.client, scheduler,
                     violations) {}

void SimulatedClient::Connect(std::shared_ptr<Life> life,
                              verify::HistoryRecorder* recorder) {
  port_.Connect(life);
  life_ = std::move(life);
  recorder_ = recorder;
  expiry_check_.Forget();
  brief_entries_ = 0;
  workload_ = std::make_unique<load::VerifyWorkload>(
      requests_, *recorder_, progress_, port_, /*slots=*/1,
      load::VerifyWorkloadOptions{
          .seed = options_.port.seed,
          .first_process = static_cast<uint32_t>(options_.port.client),
          .list = {}});
}

void SimulatedClient::Run() {
  while (!life_->over()) {
    Think();
    if (!life_->over()) Act();
  }
}

void SimulatedClient::Think() {
  if (random_.Below(2) == 0) {
    scheduler_.WaitFor(DrawNanos(random_, kThoughtMin, kThoughtMax));
    return;
  }
  const auto ticks = 1 + static_cast<Nanos>(random_.Below(kTicksMax));
  scheduler_.WaitUntil((scheduler_.now() / options_.tick + ticks) *
                       options_.tick);
}

void SimulatedClient::Act() {
  uint64_t drawn = random_.Below(kPercent);
  const auto is = [&drawn](uint64_t share) {
    if (drawn < share) return true;
    drawn -= share;
    return false;
  };
  if (is(kScans)) {
    return scan_check_.Run(*life_, *recorder_, &expiry_check_);
  }
  if (is(kBriefPuts)) return PutBrief();
  if (is(kBriefReads)) return expiry_check_.ReadOne(*life_);
  if (is(kFanOuts)) return fan_out_check_.Run(*life_);
  if (is(kLateCopies)) return late_copies_.SendOne(life_);
  RunOperations(*workload_, 1);
}

void SimulatedClient::PutBrief() {
  const v1::PutRequest put = expiry_check_.Next();
  const UnixNanos start = scheduler_.now();
  RunList({{verify::Method::kPut, put.SerializeAsString()}});
  expiry_check_.WasPut(put, start, scheduler_.now());
  ++brief_entries_;
}

void SimulatedClient::RunList(std::vector<load::ListedRequest> list) {
  load::VerifyWorkload workload(
      requests_, *recorder_, progress_, port_, /*slots=*/1,
      {.seed = options_.port.seed,
       .first_process = static_cast<uint32_t>(options_.port.client),
       .list = std::move(list)});
  RunOperations(workload, UINT64_MAX);
}

void SimulatedClient::RunOperations(load::Workload& workload,
                                    uint64_t operations) {
  for (uint64_t i = 0; i < operations; ++i) {
    std::optional<load::Call> call = workload.Begin(0);
    if (!call.has_value()) return;
    while (call.has_value()) {
      port_.Start(0, *call);
      const load::Step step =
          workload.Continue(0, *port_.Poll(load::kForever), tally_);
      call = step.next;
      if (step.rest.has_value()) {
        scheduler_.WaitFor(*step.rest);
        call = workload.Resume(0);
      }
    }
  }
}

}  // namespace latchkey::simulation
