// Tally is what one thread has counted in one phase of a run.
//
// Thread safety: an instance belongs to one thread; Merge() brings those of
// several together.

#ifndef LATCHKEY_CLIENT_LOAD_TALLY_H_
#define LATCHKEY_CLIENT_LOAD_TALLY_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/lib/call_error.h"
#include "client/load/histogram.h"

namespace latchkey::load {

// What a latency belongs to.  An operation is one call, but a
// read-modify-write, which is two or more.
enum class OperationKind {
  kGet,
  kPut,
  kReadModifyWrite,
  kTransfer,
  kAtomicRead,
  kPreload,
  kAudit,
  kVerifiedRead,
  kVerifiedWrite,
};
inline constexpr size_t kOperationKinds = 9;

// As "get" or "read-modify-write".
std::string_view OperationKindName(OperationKind kind);

inline constexpr int64_t kGoodputInterval = 500'000'000;

// Things of one sort: how many, and the first one told in full.
struct Sample {
  uint64_t count = 0;
  std::string first;
};

struct Tally {
  // Calls that ended, well or not.
  uint64_t calls = 0;
  // Operations that ended well, and how long they took, by kind.
  std::array<Histogram, kOperationKinds> latency;

  // Operations that failed, by gRPC code and Latchkey's reason.
  std::map<std::pair<std::string, std::string>, Sample> errors;
  uint64_t error_count = 0;
  // Of the calls that failed, those that no server answered.
  uint64_t unanswered = 0;

  // Open loop: requests that were due and never sent.
  uint64_t not_sent = 0;

  // Operations that ended well within the timeout of a request, but for those
  // that were to be cancelled: the goodput.
  uint64_t in_time = 0;
  // Open loop: those of each kGoodputInterval since the phase began.
  std::vector<uint64_t> in_time_by_interval;

  // Operations that the server refused as UNAVAILABLE, and how long it took to
  // say so, from when the request was sent.
  Histogram refusals;

  // Operations that this client has cancelled; they count as errors, too.
  uint64_t cancelled = 0;

  // Reads that found nothing.
  uint64_t misses = 0;
  // Conditional writes that lost a race and were tried again.
  uint64_t conflicts = 0;
  // Transfers that were refused because the source held too little.
  uint64_t refused_transfers = 0;

  // Values that were checked, and what was wrong with them, by sort.
  uint64_t values_verified = 0;
  std::map<std::string, Sample> failures;
  uint64_t failure_count = 0;

  void CountError(const client::CallError& error);
  void CountFailure(std::string_view sort, std::string_view detail);

  void Merge(const Tally& other);

  // All kinds together.
  Histogram AllLatencies() const;
};

// Whether a server stands behind `error`, rather than the connection to it or
// the caller's own timer.
bool IsAnswered(const client::CallError& error);

}  // namespace latchkey::load

#endif  // LATCHKEY_CLIENT_LOAD_TALLY_H_
