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
#include <vector>

#include "absl/status/status.h"
#include "client/load/random.h"
#include "client/load/verify_requests.h"
#include "client/verify/history.h"
#include "client/verify/violations.h"
#include "latchkey/v1/cache.pb.h"
#include "server/store/scan_page.h"
#include "tests/simulation/expiry_check.h"
#include "tests/simulation/life.h"
#include "tests/simulation/scheduler.h"

namespace latchkey::simulation {

namespace sort {
// A snapshot that shows half of a transfer.
inline constexpr std::string_view kTornSnapshot = "torn-snapshot";
// A key that a snapshot shows twice, or a scan does not show; or an error that
// nothing explains.
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
  // Of both: its time was over.
  uint64_t ended = 0;

  void Add(const ScanCounts& other) {
    snapshots += other.snapshots;
    fuzzy += other.fuzzy;
    resumed += other.resumed;
    expired += other.expired;
    ended += other.ended;
  }
};

class ScanCheck {
 public:
  // `process`: in the history.  `may_be_lost`: snapshots may hold so little
  // that any may end with SCAN_EXPIRED.
  ScanCheck(uint64_t seed, uint32_t process, bool may_be_lost,
            Scheduler& scheduler, const load::VerifyKeys& keys,
            verify::Violations* violations);

  // Scans `life` once; `expiry` judges what it shows of entries that expire.
  void Run(Life& life, verify::HistoryRecorder& recorder, ExpiryCheck* expiry);

  const ScanCounts& counts() const { return counts_; }

 private:
  struct Seen {
    std::map<std::string, v1::Entry> entries;
    // Those that expire.
    std::vector<v1::Entry> brief;
    uint64_t version = 0;
    // When it began: not before the one, nor after the other.
    UnixNanos earliest = 0;
    UnixNanos latest = 0;
    // How long a break was at most.
    Nanos longest_break = 0;
    // The last page was sent and did not arrive: a scan that is read to its end
    // makes way for new ones (SnapshotTable::Reserve).
    bool end_lost = false;
    // It saw all.
    bool whole = false;
    bool twice = false;
  };

  void Read(Life& life, bool snapshot, Seen* seen);
  void Take(const ScanPage& page, Seen* seen);
  // Why a scan ended before its end.
  void JudgeError(const absl::Status& error, const Seen& seen, bool snapshot,
                  UnixNanos deadline);
  void JudgeSnapshot(const Seen& seen);
  void JudgeFuzzy(const Seen& seen);
  void Record(const Seen& seen, bool snapshot, UnixNanos start,
              verify::HistoryRecorder& recorder) const;

  const uint32_t process_;
  const bool may_be_lost_;
  Scheduler& scheduler_;
  const load::VerifyKeys& keys_;
  verify::Violations& violations_;
  load::Random random_;
  ScanCounts counts_;
};

}  // namespace latchkey::simulation

#endif  // LATCHKEY_TESTS_SIMULATION_SCAN_CHECK_H_
