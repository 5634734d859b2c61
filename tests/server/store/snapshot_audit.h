// SnapshotAudit is 64 accounts whose money goes from one to another and that
// change their names, moved by 8 threads, and snapshots of them: no snapshot
// may see a movement half done.
//
// Thread safety: an instance belongs to one thread; Run() starts threads and
// joins them.
//
// Example:
//   SnapshotAudit audit(store, /*seed=*/1);
//   EXPECT_EQ(audit.Run(2'000), "");

#ifndef LATCHKEY_TESTS_SERVER_STORE_SNAPSHOT_AUDIT_H_
#define LATCHKEY_TESTS_SERVER_STORE_SNAPSHOT_AUDIT_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "server/runtime/deadline.h"
#include "server/store/store.h"

namespace latchkey {

class SnapshotAudit {
 public:
  // Opens the accounts in `store`, which outlives the audit and holds nothing
  // else.
  SnapshotAudit(Store& store, uint64_t seed);

  // Takes `snapshots` snapshots, two at a time, in pages of different sizes,
  // beside the movers, and stops after the first that is wrong.  Returns what
  // is wrong with it, or nothing.
  std::string Run(uint64_t snapshots);

  // Sums over all runs.
  uint64_t snapshots() const { return taken_; }
  uint64_t movements() const { return moved_; }

 private:
  static constexpr size_t kAccounts = 64;
  static constexpr int64_t kEach = 1'000;
  static constexpr uint64_t kMovers = 8;

  // One movement: of money, or of an account to its other name.  Whether it
  // took place.
  bool Move(uint64_t draw);

  // Takes one snapshot.
  std::string Read(size_t page_entries);

  Store& store_;
  const uint64_t seed_;
  DeadlineSource endless_{kNever};
  std::vector<std::string> names_;
  std::vector<std::string> other_names_;

  // Each one word that agrees with nothing else.
  std::atomic<uint64_t> taken_ = 0;
  std::atomic<uint64_t> moved_ = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SERVER_STORE_SNAPSHOT_AUDIT_H_
