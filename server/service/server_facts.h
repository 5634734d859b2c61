// ServerFacts are what a server says of itself beside what its store holds:
// which one it is, since when it runs, what it does now.
//
// Thread safety: a value.

#ifndef LATCHKEY_SERVER_SERVICE_SERVER_FACTS_H_
#define LATCHKEY_SERVER_SERVICE_SERVER_FACTS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "server/base/clock.h"

namespace latchkey {

struct ServerFacts {
  // Of the program.
  std::string_view version = {};
  std::string_view transport = {};
  int threads = 0;
  UnixNanos started = 0;
  UnixNanos now = 0;
  int64_t live_calls = 0;
  // Nothing where the transport does not know.
  std::optional<int64_t> connections = {};
  // 0 where the system does not tell.
  size_t resident_bytes = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SERVICE_SERVER_FACTS_H_
