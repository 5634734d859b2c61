// ScanCheck scans a life of the server while others write, breaks its stream
// and resumes it, and adds what it saw to the history, where it is judged with
// everything else: a snapshot is an atomic read of all keys, and each entry of
// a fuzzy scan is a read of its own.
//
// What it judges itself: that each key comes once in a snapshot, that accounts
// add up, and that no fuzzy scan misses an entry that was there throughout.
//
// Thread safety: as the scheduler; an instance belongs to one fiber.

#ifndef LATCHKEY_TESTS_SIMULATION_SCAN_CHECK_H_
#define LATCHKEY_TESTS_SIMULATION_SCAN_CHECK_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "client/load/random.h"
#include "client/load/verify_requests.h"
#include "client/verify/history.h"
#include "client/verify/violations.h"
#include "latchkey/v1/cache.pb.h"
#include "tests/simulation/life.h"
#include "tests/simulation/scheduler.h"

namespace latchkey::simulation {

namespace sort {
// A snapshot that shows half of a transfer.
inline constexpr std::string_view kTornSnapshot = "torn-snapshot";
// A key that a snapshot shows twice, or a scan does not show.
inline constexpr std::string_view kWrongScan = "wrong-scan";
}  // namespace sort

// What the keys of a simulation begin with, but for those that expire.
inline constexpr char kKeyPrefix[] = "run/";

struct ScanCounts {
  uint64_t snapshots = 0;
  uint64_t fuzzy = 0;
  uint64_t resumed = 0;
  // Of snapshots: too much was changed, or too long ago.
  uint64_t expired = 0;

  void Add(const ScanCounts& other) {
    snapshots += other.snapshots;
    fuzzy += other.fuzzy;
    resumed += other.resumed;
    expired += other.expired;
  }
};

class ScanCheck {
 public:
  // `process`: in the history.
  ScanCheck(uint64_t seed, uint32_t process, Scheduler& scheduler,
            const load::VerifyKeys& keys, verify::Violations* violations);

  // Scans `life` once.
  void Run(Life& life, verify::HistoryRecorder& recorder);

  const ScanCounts& counts() const { return counts_; }

 private:
  struct Seen {
    std::map<std::string, v1::Entry> entries;
    uint64_t version = 0;
    // It saw all.
    bool whole = false;
    bool twice = false;
  };

  void Read(Life& life, bool snapshot, Seen* seen);
  void JudgeSnapshot(const Seen& seen);
  void JudgeFuzzy(const Seen& seen);
  void Record(const Seen& seen, bool snapshot, UnixNanos start,
              verify::HistoryRecorder& recorder) const;

  const uint32_t process_;
  Scheduler& scheduler_;
  const load::VerifyKeys& keys_;
  verify::Violations& violations_;
  load::Random random_;
  ScanCounts counts_;
};

}  // namespace latchkey::simulation

#endif  // LATCHKEY_TESTS_SIMULATION_SCAN_CHECK_H_
