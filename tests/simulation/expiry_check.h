// ExpiryCheck puts entries that soon expire, and reads them: before the expiry
// they must be there and after it not, whatever sweeps do.
//
// Each has a key of its own, so that the history, which knows no time, never
// reads one.
//
// Thread safety: as the scheduler; an instance belongs to one fiber.

#ifndef LATCHKEY_TESTS_SIMULATION_EXPIRY_CHECK_H_
#define LATCHKEY_TESTS_SIMULATION_EXPIRY_CHECK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "client/load/random.h"
#include "client/verify/violations.h"
#include "latchkey/v1/cache.pb.h"
#include "tests/simulation/life.h"
#include "tests/simulation/scheduler.h"

namespace latchkey::simulation {

namespace sort {
// An entry that was seen at or after its expiry, or not before it.
inline constexpr std::string_view kWrongExpiry = "wrong-expiry";
}  // namespace sort

class ExpiryCheck {
 public:
  // Entries live no longer than this.
  static constexpr Nanos kTtlMax = 5 * kNanosPerSecond;

  ExpiryCheck(uint64_t seed, uint64_t client, Scheduler& scheduler,
              verify::Violations* violations);

  // The next Put.
  v1::PutRequest Next();

  // It took effect between the two instants.
  void WasPut(const v1::PutRequest& put, UnixNanos start, UnixNanos end);

  // Reads one of those above.
  void ReadOne(Life& life);

  // A snapshot that was begun between the two instants shows `entries` of all
  // that expire.
  void JudgeSnapshot(const std::vector<v1::Entry>& entries, UnixNanos earliest,
                     UnixNanos latest);

  // What was put is no more: another life began.
  void Forget() { put_.clear(); }

  uint64_t reads() const { return reads_; }

 private:
  struct Put {
    std::string key;
    std::string value;
    UnixNanos put_by;
    // It expires at some moment from the one to the other.
    UnixNanos earliest;
    UnixNanos latest;
  };

  const std::string prefix_;
  Scheduler& scheduler_;
  verify::Violations& violations_;
  load::Random random_;
  uint64_t count_ = 0;
  uint64_t reads_ = 0;
  std::vector<Put> put_;
};

}  // namespace latchkey::simulation

#endif  // LATCHKEY_TESTS_SIMULATION_EXPIRY_CHECK_H_
