#include "tests/simulation/fan_out_check.h"

#include <utility>

#include "server/runtime/task_scope.h"
#include "tests/simulation/draw.h"
#include "tests/simulation/scan_check.h"

namespace latchkey::simulation {
namespace {

constexpr uint64_t kFanOutStreams = uint64_t{9} << 40;

constexpr uint64_t kChildrenMax = 6;

// In a thousand children: it fails.  In a thousand scopes: it is ended.
constexpr uint64_t kFailures = 100;
constexpr uint64_t kEnds = 300;

constexpr Nanos kTimeMin = kNanosPerMicro;
constexpr Nanos kTimeMax = kNanosPerMilli;

}  // namespace

FanOutCheck::FanOutCheck(uint64_t seed, uint64_t client, Scheduler& scheduler,
                         verify::Violations* violations)
    : scheduler_(scheduler),
      violations_(*violations),
      random_(seed, kFanOutStreams + client) {}

void FanOutCheck::Run(Life& life) {
  DeadlineSource source(scheduler_.now() +
                        DrawNanos(random_, kTimeMin, kNanosPerSecond));
  Signal changed(scheduler_);
  bool told = false;
  bool ending = false;
  if (Draw(random_, kEnds)) {
    ending = true;
    const Nanos after = DrawNanos(random_, kTimeMin, kTimeMax);
    scheduler_.Start("ender", [&, after] {
      scheduler_.WaitFor(after);
      source.End(EndReason::kConnectionLost);
      ending = false;
      changed.NotifyAll();
    });
  }
  const absl::Status refused = life.lane().Submit(
      {.token = source.token()}, [&](const absl::Status& status) {
        if (status.ok()) FanOut(life, source.token());
        told = true;
        changed.NotifyAll();
      });
  while (ending || (refused.ok() && !told)) changed.Wait();
}

void FanOutCheck::FanOut(Life& life, DeadlineToken token) {
  Children children;
  const auto count = 1 + static_cast<int>(random_.Below(kChildrenMax));
  TaskScope scope(token, life.lane(), life.clock());
  for (int i = 0; i < count; ++i) {
    scope.Start([this, &life, &children](DeadlineToken child) {
      return RunChild(life, child, &children);
    });
  }
  const absl::Status status = scope.Join();
  if (children.begun != children.ended) Add("a child outlives its scope");
  if (status.ok() && (children.ended < count || children.failed > 0)) {
    Add("a scope is well and its children are not");
  }
  if (!status.ok() && children.failed == 0 &&
      token.Check(scheduler_.now()) == EndReason::kNone) {
    Add("a scope has failed and none of its children");
  }
}

absl::Status FanOutCheck::RunChild(Life& life, DeadlineToken token,
                                   Children* children) {
  if (token.Check(scheduler_.now()) != EndReason::kNone) {
    Add("a child begins after its end");
  }
  ++children->begun;
  if (random_.Below(2) == 0) {
    scheduler_.WaitFor(DrawNanos(random_, kTimeMin, kTimeMax));
  }
  const std::string key = std::string(kKeyPrefix) + "sentinel";
  absl::Status status = life.store().Get({.key = key}, token).status();
  if (status.ok() && Draw(random_, kFailures)) {
    status = absl::DataLossError("a child that fails");
  }
  if (!status.ok()) ++children->failed;
  ++children->ended;
  return status;
}

}  // namespace latchkey::simulation
