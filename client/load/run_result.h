// RunResult is everything that a run has found out; reports are made from it.
//
// Thread safety: a plain value.

#ifndef LATCHKEY_CLIENT_LOAD_RUN_RESULT_H_
#define LATCHKEY_CLIENT_LOAD_RUN_RESULT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "client/load/engine.h"
#include "client/load/options.h"
#include "client/load/process_cpu.h"
#include "client/load/tally.h"
#include "client/verify/verifier.h"
#include "client/verify/violations.h"

namespace latchkey::load {

// Why a run is over.
enum class Ending {
  kComplete,
  // It was told to stop, and reports on what it has.
  kInterrupted,
  // The keys could not be written.
  kPreloadFailed,
  // The server did not answer any more, or never did.
  kUnavailable,
  // The server lost its data in a run that was to be verified.
  kRestarted,
};

// What a run that is verified has found out.
struct VerifyResult {
  verify::VerifierCounts counts;
  // Writes whose outcome was unknown until GetOutcome told.
  uint64_t settled = 0;
  verify::Violations violations;
  // What the checkers took.
  CpuTime check_cpu;
};

struct RunResult {
  Options options;
  Ending ending = Ending::kComplete;
  // What the server or the connection said last, where it was unavailable
  // before anything ran.
  std::string unavailable_message;

  Tally preload;
  Nanos preload_elapsed = 0;
  Tally warm_up;

  // Whether the measurement began.
  bool measuring = false;
  Tally measured;
  // From the first request to the last answer.
  Nanos elapsed = 0;
  CpuTime client_cpu;
  std::optional<CpuTime> server_cpu;

  // Of a `transfer` run: the sum at the end, where it could be read.
  Tally audit;
  std::optional<int64_t> total;
  int64_t total_expected = 0;
  // Whether each balance was checked too, since the outcome of every transfer
  // was known.
  bool balances_checked = false;

  // Of a run with --verify.
  std::optional<VerifyResult> verify;

  uint64_t FailureCount() const;
  uint64_t ValuesVerified() const;
  // Whether what had to be verified at the end could not be.
  bool AuditMissing() const;
  int ExitCode() const;
};

}  // namespace latchkey::load

#endif  // LATCHKEY_CLIENT_LOAD_RUN_RESULT_H_
