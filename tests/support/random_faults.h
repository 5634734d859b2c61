// RandomFaults says what a FaultProxy does at random, and FaultPlan draws it
// for one connection: when the next fault strikes, and which.
//
// Thread safety: a FaultPlan belongs to one thread at a time.

#ifndef LATCHKEY_TESTS_SUPPORT_RANDOM_FAULTS_H_
#define LATCHKEY_TESTS_SUPPORT_RANDOM_FAULTS_H_

#include <chrono>
#include <cstdint>
#include <random>

#include "absl/status/status.h"

namespace latchkey {

struct RandomFaults {
  uint64_t seed = 1;

  // A fault strikes each time the client of a connection has sent so many bytes
  // more; the distance is drawn anew from 1 to this number.
  uint64_t bytes_between_max = 4096;

  // How often each fault is the one that strikes, in relation to the others; 0:
  // never.
  uint32_t reset = 0;
  uint32_t lose_reply = 0;
  uint32_t truncate = 0;
  uint32_t delay = 0;
  // A black hole that ends with a reset.
  uint32_t drop = 0;

  // The chance of a connection to be mirrored, in percent.
  uint32_t mirror_percent = 0;

  // Of delays, of drops and of mirrors; drawn from 0 to this.
  std::chrono::milliseconds delay_max{20};
  std::chrono::milliseconds drop_max{100};
  std::chrono::milliseconds mirror_lag_max{50};

  // What a truncation still lets through; drawn from 0 to this.
  uint64_t truncate_bytes_max = 256;
};

// OK, or INVALID_ARGUMENT with the name of the field.
absl::Status CheckRandomFaults(const RandomFaults& faults);

class FaultPlan {
 public:
  enum class Kind { kNone, kReset, kLoseReply, kTruncate, kDelay, kDrop };

  // REQUIRES: CheckRandomFaults(faults) is OK.
  FaultPlan(const RandomFaults& faults, uint64_t connection_number);

  // Whether the connection gets a mirror, and with which lag.  To be asked
  // once, before the rest.
  bool DrawMirror();
  std::chrono::milliseconds DrawMirrorLag();

  // Says that the client sent `bytes` more; the fault that strikes now.  The
  // bytes of one call bring at most one.
  Kind Next(uint64_t bytes);

  // What a fault needs to be done.
  bool DrawToServer();
  std::chrono::milliseconds DrawDelay();
  std::chrono::milliseconds DrawDrop();
  uint64_t DrawTruncateBytes();

 private:
  uint64_t Draw(uint64_t least, uint64_t most);
  std::chrono::milliseconds DrawTime(std::chrono::milliseconds most);

  RandomFaults faults_;
  std::mt19937_64 engine_;
  uint64_t bytes_left_;
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SUPPORT_RANDOM_FAULTS_H_
