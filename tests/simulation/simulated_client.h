// SimulatedClient does one thing after another to the server: mostly the
// operations of latchkey-load --verify, now and then a scan, an entry that
// expires, or a late copy of some earlier write.  Between two it thinks, often
// until an instant at which the other clients act, too.
//
// Thread safety: as the scheduler; Run() is a fiber's.

#ifndef LATCHKEY_TESTS_SIMULATION_SIMULATED_CLIENT_H_
#define LATCHKEY_TESTS_SIMULATION_SIMULATED_CLIENT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "client/load/random.h"
#include "client/load/tally.h"
#include "client/load/verify_requests.h"
#include "client/load/verify_workload.h"
#include "client/verify/history.h"
#include "client/verify/violations.h"
#include "tests/simulation/expiry_check.h"
#include "tests/simulation/fan_out_check.h"
#include "tests/simulation/late_copies.h"
#include "tests/simulation/scan_check.h"
#include "tests/simulation/simulated_port.h"

namespace latchkey::simulation {

struct SimulatedClientOptions {
  SimulatedPortOptions port;
  // Snapshots may hold so little that any may be lost.
  bool snapshots_may_be_lost = false;
  // Clients that wait for an instant wait for a multiple of this.
  Nanos tick = 500 * kNanosPerMilli;
};

class SimulatedClient {
 public:
  // All outlive the client.
  SimulatedClient(const SimulatedClientOptions& options, Scheduler& scheduler,
                  Network& network, LateCopies& late_copies,
                  const load::VerifyKeys& keys, verify::Violations* violations);

  // What follows goes to `life`, and into `recorder`.
  void Connect(std::shared_ptr<Life> life, verify::HistoryRecorder* recorder);

  // Acts until the life is over.
  void Run();

  // Sends each of `list` until it is answered well.
  void RunList(std::vector<load::ListedRequest> list);

  // The logs that were appended to since the last call.
  std::vector<std::string> TakeLogs() { return requests_.TakeLogs(); }

  const ScanCounts& scans() const { return scan_check_.counts(); }
  uint64_t expiry_reads() const { return expiry_check_.reads(); }
  // Entries that were put to expire in this life.
  uint64_t brief_entries() const { return brief_entries_; }

 private:
  void Think();
  void Act();
  // Runs operations of `workload` until `operations` have ended or none is
  // left.
  void RunOperations(load::Workload& workload, uint64_t operations);
  void PutBrief();

  const SimulatedClientOptions options_;
  Scheduler& scheduler_;
  LateCopies& late_copies_;
  load::Random random_;
  load::VerifyRequests requests_;
  SimulatedPort port_;
  ScanCheck scan_check_;
  ExpiryCheck expiry_check_;
  FanOutCheck fan_out_check_;
  load::VerifyProgress progress_;
  // Of no use here, but workloads count.
  load::Tally tally_;

  std::shared_ptr<Life> life_;
  verify::HistoryRecorder* recorder_ = nullptr;
  std::unique_ptr<load::VerifyWorkload> workload_;
  uint64_t brief_entries_ = 0;
};

}  // namespace latchkey::simulation

#endif  // LATCHKEY_TESTS_SIMULATION_SIMULATED_CLIENT_H_
