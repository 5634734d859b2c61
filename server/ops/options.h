// Where the operations port listens, and what one of its connections may take.

#ifndef LATCHKEY_SERVER_OPS_OPTIONS_H_
#define LATCHKEY_SERVER_OPS_OPTIONS_H_

#include <cstddef>
#include <string>

#include "server/base/clock.h"

namespace latchkey {

struct OpsOptions {
  // An address of this machine, without brackets, or a name of it.
  std::string host = "127.0.0.1";

  // Port 0: the system chooses one.
  int port = 0;

  // From when a thread takes a connection up to when it lets it go: a scrape
  // takes milliseconds.
  Nanos connection_time_max = 5 * kNanosPerSecond;

  // What a client may send in all, in bytes: a request line and headers.
  size_t request_bytes_max = 16 * 1024;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_OPS_OPTIONS_H_
