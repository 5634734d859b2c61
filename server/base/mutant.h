// Mutants are faults on purpose, one at a time, in the places where a real bug
// would sit.  They show that the checkers of tests/verify can fail: each must
// be caught.
//
// Only a build with the CMake option LATCHKEY_MUTANTS has them.  In any other
// MutantActive() is false to the compiler, and what it guards is not built.
// Nothing but a test can choose one: no option, variable or request does.
//
// Thread safety: MutantActive() may be called from any thread.  A ScopedMutant
// is made and destroyed while no thread runs the code that asks.
//
// Example:
//   if (MutantActive(Mutant::kHalfAMove)) return;

#ifndef LATCHKEY_SERVER_BASE_MUTANT_H_
#define LATCHKEY_SERVER_BASE_MUTANT_H_

#include <atomic>
#include <cstdint>

#if defined(LATCHKEY_MUTANTS) && defined(NDEBUG)
#error "A build that may ship has no mutants."
#endif

namespace latchkey {

enum class Mutant : uint8_t {
  kNone,

  // Reads.
  //
  // Get answers from a cache that no write empties.
  kStaleRead,
  // An atomic read lets its locks go between two keys.
  kTornAtomicRead,
  // An atomic read takes its snapshot_version after it let its locks go.
  kLateSnapshotVersion,

  // Commits.
  //
  // An Increment or Transfer adds to what it read under an earlier hold of its
  // locks.
  kLostUpdate,
  // A Move leaves its source.
  kHalfAMove,
  // An error in a batch or transaction leaves the operations before it.
  kHalfABatch,
  // A commit takes its version before its locks.
  kVersionBeforeLocks,
  // Several shards are locked in descending order.
  kSwappedLockOrder,
  // Every second change leaves no image for the snapshots that need one.
  kSnapshotMissesImage,

  // Records of keyed writes.
  //
  // A replay is applied again.
  kDoubleApply,
  // A write lets its locks go between its commit and its record.
  kRecordAfterUnlock,
  // A record is kept for an eighth of the window.
  kRecordDroppedEarly,
  // A full ledger forgets a live record to make room.
  kLiveRecordEvicted,
  // The same key with another payload of the same method is taken for a copy.
  kFingerprintIgnored,
  // A replay has no version.
  kReplayOfWrongAnswer,
  // An error is not recorded.
  kErrorNotRecorded,

  // What a client is told.
  //
  // The token is looked at after the commit, too: its end is told as if nothing
  // had been applied.
  kCancelledButApplied,
  // A write that finds the ledger full is applied and refused.
  kRefusedButApplied,
  // The token is looked at before the ledger: a copy that has ended is not told
  // the recorded outcome.
  kTokenBeforeLookUp,
  // GetOutcome promises a fence and leaves none.
  kFenceIgnored,
  // A stamp older than the window is as good as none.
  kOldStampAccepted,
  // A stamp of another life of the server is as good as none.
  kIncarnationIgnored,
};
inline constexpr Mutant kLastMutant = Mutant::kIncarnationIgnored;

#ifdef LATCHKEY_MUTANTS

namespace internal {
// One word that agrees with nothing else.
inline std::atomic<Mutant> active_mutant = Mutant::kNone;
}  // namespace internal

inline bool MutantActive(Mutant mutant) {
  return internal::active_mutant.load(std::memory_order_relaxed) == mutant;
}

// Makes one mutant active for the length of a scope.
class [[nodiscard]] ScopedMutant {
 public:
  explicit ScopedMutant(Mutant mutant) {
    internal::active_mutant.store(mutant, std::memory_order_relaxed);
  }
  ~ScopedMutant() {
    internal::active_mutant.store(Mutant::kNone, std::memory_order_relaxed);
  }

  ScopedMutant(const ScopedMutant&) = delete;
  ScopedMutant& operator=(const ScopedMutant&) = delete;
};

#else

constexpr bool MutantActive(Mutant) { return false; }

#endif  // LATCHKEY_MUTANTS

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_BASE_MUTANT_H_
