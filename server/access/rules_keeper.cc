#include "server/access/rules_keeper.h"

namespace latchkey {
namespace {

// What this thread saw last, of whichever keeper.
struct Seen {
  uint64_t generation = 0;
  std::shared_ptr<const AccessRules> rules;
};

thread_local Seen seen;

// A counter whose values only have to differ: relaxed is enough.
std::atomic<uint64_t> last_generation = 0;

}  // namespace

absl::StatusOr<std::unique_ptr<RulesKeeper>> RulesKeeper::Open(
    std::string file) {
  std::unique_ptr<RulesKeeper> keeper(new RulesKeeper(std::move(file)));
  if (absl::Status s = keeper->Reload(); !s.ok()) return s;
  return keeper;
}

const AccessRules& RulesKeeper::rules() const {
  Seen& of_thread = seen;
  if (of_thread.generation != generation_.load(std::memory_order_acquire)) {
    // Freed after the lock was let go, where this was the last reference.
    Seen old = std::move(of_thread);
    MutexLock lock(mutex_);
    of_thread = {generation_.load(std::memory_order_relaxed), rules_};
  }
  return *of_thread.rules;
}

absl::Status RulesKeeper::Reload() {
  absl::StatusOr<AccessRules> read = AccessRules::Read(file_);
  if (!read.ok()) return read.status();
  auto rules = std::make_shared<const AccessRules>(*std::move(read));
  MutexLock lock(mutex_);
  rules_.swap(rules);
  generation_.store(last_generation.fetch_add(1, std::memory_order_relaxed) + 1,
                    std::memory_order_release);
  return absl::OkStatus();
}

}  // namespace latchkey
