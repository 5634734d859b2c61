// A flood is what an attacker sends: the same script on many connections, each
// of which is opened anew as soon as the server ends it.
//
// Thread safety: an instance belongs to one thread.

#ifndef LATCHKEY_TESTS_ATTACKS_FLOOD_H_
#define LATCHKEY_TESTS_ATTACKS_FLOOD_H_

#include <openssl/ssl.h>

#include <cstdint>
#include <functional>
#include <string>

#include "server/base/clock.h"

namespace latchkey {

// What a script knows of its connection.
struct FloodState {
  // The next stream; a script that opens one adds 2.
  uint32_t stream = 1;
  // Null without TLS.
  SSL* ssl = nullptr;
};

struct Script {
  using Bytes = std::function<std::string(FloodState&)>;

  int connections = 32;
  // Of those, how many are opened in each of the ticks; 0: all at once.
  int per_tick = 0;
  // What is sent first.  Null: nothing.
  Bytes opening;
  // What is sent whenever all before was taken; null: nothing.
  Bytes more;
  // What is sent ten times in a second; null: nothing.
  Bytes tick;
  // Whether what the server says is read, and thrown away.
  bool reads = true;
  // Ends the connection when the server has said something.
  bool hangs_up = false;
  // Null: no TLS.
  SSL_CTX* tls = nullptr;
};

struct FloodResult {
  int64_t connects = 0;
  int64_t bytes = 0;
};

// Runs `script` against `port` of 127.0.0.1 for `length`.
FloodResult RunFlood(const Script& script, int port, Nanos length);

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_ATTACKS_FLOOD_H_
