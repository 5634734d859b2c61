#include "tests/simulation/mutant_cases.h"

#include "client/verify/violations.h"
#include "tests/simulation/ledger_judge.h"
#include "tests/simulation/simulation.h"
#include "tests/verify/keyed_write.h"

namespace latchkey::simulation {

const std::vector<MutantCase>& MutantCases() {
  using namespace verify::sort;
  static const std::vector<MutantCase> cases = {
      {Mutant::kStaleRead, "StaleRead", {kStaleRead}},
      {Mutant::kTornAtomicRead, "TornAtomicRead", {kTornRead}},
      {Mutant::kLateSnapshotVersion, "LateSnapshotVersion", {kWrongRead}},
      {Mutant::kLostUpdate, "LostUpdate", {kWrongCommit}},
      {Mutant::kHalfAMove, "HalfAMove", {kWrongCommit, kWrongRead}},
      {Mutant::kHalfABatch, "HalfABatch", {kGap, kGhostAppend}},
      {Mutant::kVersionBeforeLocks,
       "VersionBeforeLocks",
       {kRealTimeOrder, kWrongCommit}},
      {Mutant::kSwappedLockOrder, "SwappedLockOrder", {sort::kLocks}},
      {Mutant::kDoubleApply, "DoubleApply", {kGap, kDoubledAppend}},
      {Mutant::kRecordAfterUnlock,
       "RecordAfterUnlock",
       {kCopyNotReplayed, kDoubledAppend}},
      {Mutant::kRecordDroppedEarly, "RecordDroppedEarly", {kCopyNotReplayed}},
      {Mutant::kLiveRecordEvicted,
       "LiveRecordEvicted",
       {kCopyNotReplayed, kOutcomeDiffers},
       true},
      {Mutant::kFingerprintIgnored, "FingerprintIgnored", {kReuseAccepted}},
      {Mutant::kReplayOfWrongAnswer, "ReplayOfWrongAnswer", {kCopyDiffers}},
      {Mutant::kErrorNotRecorded,
       "ErrorNotRecorded",
       {kCopyNotReplayed, kOutcomeDiffers}},
      {Mutant::kCancelledButApplied,
       "CancelledButApplied",
       {sort::kEndInvented, kGap}},
      {Mutant::kRefusedButApplied,
       "RefusedButApplied",
       {kGap, kGhostAppend},
       true},
      {Mutant::kTokenBeforeLookUp, "TokenBeforeLookUp", {kCopyRefused}},
      {Mutant::kFenceIgnored, "FenceIgnored", {kFenceBroken}},
      {Mutant::kOldStampAccepted, "OldStampAccepted", {kStampAccepted}},
      {Mutant::kIncarnationIgnored, "IncarnationIgnored", {kStampAccepted}},
  };
  return cases;
}

}  // namespace latchkey::simulation
