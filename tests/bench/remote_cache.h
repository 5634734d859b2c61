// RemoteCache is a cache over the network as miss_client sees it: latchkeyd,
// redis-server or memcached.  Keys are read and written many at a time, in one
// turn on one connection.
//
// Errors end the process: a benchmark has no other use for them.
//
// Thread safety: an instance belongs to one thread.

#ifndef LATCHKEY_TESTS_BENCH_REMOTE_CACHE_H_
#define LATCHKEY_TESTS_BENCH_REMOTE_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace latchkey {

struct KeyValue {
  std::string key;
  std::string_view value;
};

class RemoteCache {
 public:
  virtual ~RemoteCache() = default;

  // The sizes of the values of `keys`, in their order; nothing where there is
  // none.  A key may come twice.
  virtual std::vector<std::optional<size_t>> Get(
      std::span<const std::string> keys) = 0;

  // Writes values.  Returns how many the cache refused, for want of memory.
  virtual size_t Set(std::span<const KeyValue> entries) = 0;

  struct Holdings {
    uint64_t entries = 0;
    // What it counts itself against its limit.
    uint64_t used_bytes = 0;
  };
  virtual Holdings Held() = 0;
};

// Connects to port `port` of this machine.  `kind`: latchkey, redis or
// memcached.
std::unique_ptr<RemoteCache> ConnectToCache(std::string_view kind, int port);

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_BENCH_REMOTE_CACHE_H_
