// Target is the server under attack, and what it takes of the machine.
//
// Thread safety: an instance belongs to one thread.

#ifndef LATCHKEY_TESTS_ATTACKS_TARGET_H_
#define LATCHKEY_TESTS_ATTACKS_TARGET_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "server/base/clock.h"
#include "tests/support/child_process.h"

namespace latchkey {

class Target {
 public:
  // Starts `program`; it listens on a port of its own.  Ends this process where
  // that cannot be.
  Target(const std::string& program, std::vector<std::string> arguments);

  // Ends the server by SIGTERM; returns whether it exited with 0.
  bool Stop();

  int port() const { return port_; }

  int Descriptors() const;
  // How many it may open beside those that it has; negative: as many as before.
  void LimitDescriptors(int more);

  // The most that was resident since ForgetPeak(), in bytes.
  void ForgetPeak();
  int64_t PeakBytes() const;

  // What is resident now, in bytes.
  int64_t ResidentBytes() const;

  // CPU time so far.
  Nanos Cpu() const;

 private:
  std::string Proc(const char* file) const;

  // `field` of /proc/PID/status, in bytes.
  int64_t StatusBytes(const std::string& field) const;

  std::unique_ptr<ChildProcess> process_;
  int port_ = 0;
  uint64_t descriptors_max_ = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_ATTACKS_TARGET_H_
