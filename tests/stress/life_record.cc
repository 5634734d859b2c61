#include "tests/stress/life_record.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/stress/answers.h"

namespace latchkey::stress {

using verify::EventOutcome;
using verify::HistoryEvent;

void LifeRecord::BeginLife(uint64_t number, const LifeCheck::Options& options,
                           const HistoryEvent& first_event) {
  if (dead_.check != nullptr) CheckVersionsBelow(options.first_version);
  now_ = {.number = number,
          .first_version = options.first_version,
          .check = std::make_unique<LifeCheck>(options, &violations_, &counts_),
          .round = std::make_unique<verify::History>()};
  now_.round->recorder(0).Add(first_event);
}

void LifeRecord::CheckVersionsBelow(uint64_t first_version) {
  for (const HistoryEvent* event : dead_.round->Sorted()) {
    const uint64_t version = CommitVersion(event->method, event->response);
    if (version < first_version) continue;
    violations_.Add(
        "version-came-back",
        absl::StrCat("life ", dead_.number, " had reached ", version,
                     ", the next one begins with ", first_version));
  }
}

void LifeRecord::Add(const HistoryEvent& event, uint64_t life) {
  if (life == now_.number) {
    now_.round->recorder(0).Add(event);
    return;
  }
  std::optional<uint64_t> version;
  if (event.outcome == EventOutcome::kOk) {
    version = VersionReached(event.method, event.response);
  }
  const bool open_in_dead = dead_.check != nullptr && life == dead_.number;
  if (version.has_value() && *version >= now_.first_version) {
    now_.round->recorder(0).Add(event);
    if (open_in_dead) AddUnknownToDead(event);
  } else if (open_in_dead && version.has_value() &&
             *version >= dead_.first_version) {
    dead_.round->recorder(0).Add(event);
  } else if (open_in_dead) {
    AddUnknownToDead(event);
  }
}

void LifeRecord::AddUnknownToDead(HistoryEvent event) {
  if (!verify::IsWrite(event.method)) return;
  static const verify::EventError* const kKilled =
      new verify::EventError{.code = "UNAVAILABLE"};
  event.outcome = EventOutcome::kUnknown;
  event.response = {};
  event.error = kKilled;
  dead_.round->recorder(0).Add(event);
  ++unknown_at_kill_;
}

void LifeRecord::EndRound() {
  CheckDead();
  now_.check->CheckRound(*now_.round);
  now_.round->Clear();
}

void LifeRecord::KillLife(const std::vector<OpenWrite>& open) {
  for (const OpenWrite& write : open) {
    if (dead_.check != nullptr && write.life == dead_.number) {
      AddUnknownToDead(write.event);
    }
  }
  CheckDead();
  dead_ = std::exchange(now_, {});
}

void LifeRecord::CheckDead() {
  if (dead_.check == nullptr) return;
  dead_.check->CheckDeadRound(*dead_.round);
  dead_ = {};
}

}  // namespace latchkey::stress
