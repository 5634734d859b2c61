// PeerLoads knows how much of a thread's time each address takes, and who takes
// more than its share: more than it would have if all addresses that are busy
// had equal parts.  Where only one is busy, nobody does.
//
// Who does goes behind the others: its connections wait in a line of their
// own (native transport), and its calls behind those of others (PointLane).  So
// an attack costs the others a part of the thread that has an end, however many
// connections it has and whatever it sends on them.
//
// Thread safety: an instance belongs to one thread.

#ifndef LATCHKEY_SERVER_RPC_PEER_LOADS_H_
#define LATCHKEY_SERVER_RPC_PEER_LOADS_H_

#include <map>
#include <string>
#include <vector>

#include "server/base/clock.h"

namespace latchkey {

class PeerLoads {
 public:
  // What one address takes.
  class Load {
   public:
    // Time that Count() is still to be told of.
    Nanos uncounted = 0;

    // Whose it is.
    const std::string& network() const { return *network_; }

   private:
    friend class PeerLoads;

    const std::string* network_ = nullptr;
    int connections_ = 0;
    // In this window.
    Nanos used_ = 0;
    // Whether it used more than its share of the last one.
    bool was_heavy_ = false;
    // Whether it is among used_.
    bool is_listed_ = false;
  };

  // For how long use is remembered: less than a queue may stand before calls
  // are refused (AdmissionOptions::interval), so that only those are that are
  // to blame.
  static constexpr Nanos kWindow = 20 * kNanosPerMilli;

  // A connection of `network` begins, and ends.  Its load lives until then.
  Load& Enter(const std::string& network);
  void Leave(Load& load);

  // Counts time that was used until `now`, and what was not counted before.
  void Count(Load& load, Nanos used, UnixNanos now);

  bool IsHeavy(const Load& load) const {
    return load.was_heavy_ || load.used_ + load.uncounted > share_;
  }

  // How many addresses are known.
  size_t size() const { return loads_.size(); }

 private:
  void EndWindow(UnixNanos now);
  void SetShare();

  std::map<std::string, Load> loads_;
  // Those that used anything in this window, or were heavy in the last.
  std::vector<Load*> listed_;
  UnixNanos window_begin_ = 0;
  // Addresses that used more than a little in the last window, and in this one.
  int busy_before_ = 0;
  int busy_ = 0;
  // What one may use in a window.
  Nanos share_ = kNever;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_PEER_LOADS_H_
