// DirectRun lets the verified workload of latchkey-load run over a
// DirectEngine, on real threads, and checks what happened, round by round.
//
// Thread safety: an instance belongs to one thread; Round() starts threads and
// joins them.
//
// Example:
//   DirectRun run({.engine = {.threads = 4, .seed = 1}});
//   while (run.ok() && run.operations() < 10'000) run.Round(1'000);
//   EXPECT_EQ(run.Findings().ToString(), "");

#ifndef LATCHKEY_TESTS_VERIFY_DIRECT_RUN_H_
#define LATCHKEY_TESTS_VERIFY_DIRECT_RUN_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "client/load/verify_requests.h"
#include "client/load/verify_workload.h"
#include "client/verify/history.h"
#include "client/verify/history_file.h"
#include "client/verify/verifier.h"
#include "client/verify/violations.h"
#include "tests/verify/direct_engine.h"

namespace latchkey::verify {

struct DirectRunOptions {
  DirectEngineOptions engine = {};
  load::VerifyKeyCounts keys = {};
  // Gets the history of each round, too; it outlives the run.
  HistoryFile* file = nullptr;
};

class DirectRun {
 public:
  explicit DirectRun(const DirectRunOptions& options);
  ~DirectRun();

  // Lets the threads send at least `operations` together, reads what they have
  // appended, and checks the round.
  void Round(uint64_t operations);

  // Whether nothing was found so far.
  bool ok() const { return Findings().empty(); }

  // What the engine found about copies, and the verifier about histories.
  Violations Findings() const;
  const Violations& found_by_engine() const { return found_by_engine_; }
  const Violations& found_by_verifier() const { return verifier_.violations(); }

  Store& store() { return engine_.server().store(); }

  // Checked so far.
  uint64_t operations() const { return verifier_.counts().operations; }
  const VerifierCounts& counts() const { return verifier_.counts(); }
  DirectCounts network() const { return engine_.counts(); }

 private:
  // One thread's part.
  struct Client {
    std::unique_ptr<load::VerifyRequests> requests;
    std::unique_ptr<load::VerifyWorkload> workload;
  };

  // Runs operations of `workload` over port `thread` until `operations` have
  // ended or none is left.
  void RunOperations(load::Workload& workload, size_t thread,
                     uint64_t operations);
  // Reads the logs of this round.
  void ReadLogs();
  // Sends `list` over port 0.
  void RunList(std::vector<load::ListedRequest> list);

  const DirectRunOptions options_;
  const load::VerifyKeys keys_;
  DirectEngine engine_;
  History history_;
  load::VerifyProgress progress_;
  std::vector<Client> clients_;
  Verifier verifier_;
  Violations found_by_engine_;
};

}  // namespace latchkey::verify

#endif  // LATCHKEY_TESTS_VERIFY_DIRECT_RUN_H_
