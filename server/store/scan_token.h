// ScanToken is where a scan is to go on, as a client keeps it: opaque bytes,
// which only the server that made them takes back, and only for the same
// prefix.
//
//   | kind | shard | incarnation | first | second | check |
//
// The check is a keyed hash of the rest and the prefix.  It keeps a client's
// mistakes from being taken for positions; no secret hangs on it.
//
// Thread safety: values and free functions, no shared state.

#ifndef LATCHKEY_SERVER_STORE_SCAN_TOKEN_H_
#define LATCHKEY_SERVER_STORE_SCAN_TOKEN_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "server/store/hashed_key.h"
#include "server/store/key_hasher.h"

namespace latchkey {

struct ScanToken {
  enum class Kind : uint8_t { kFuzzy = 1, kSnapshot = 2 };

  Kind kind = Kind::kFuzzy;
  // All shards before this one were sent.
  ShardIndex shard = 0;
  // kFuzzy: the place in the shard.  kSnapshot: the number of the scan.
  uint64_t first = 0;
  // kSnapshot: how many entries were sent.
  uint64_t second = 0;

  // The bytes, for scans of `prefix` in the server's life `incarnation`.
  std::string ToBytes(const KeyHasher& hasher, uint64_t incarnation,
                      std::string_view prefix) const;

  // Errors: INVALID_ARGUMENT INVALID_FIELD of "resume_token" for what ToBytes()
  // did not make for this prefix; OUT_OF_RANGE SCAN_EXPIRED for what another
  // life of the server may have made.
  static absl::StatusOr<ScanToken> Parse(std::string_view bytes,
                                         const KeyHasher& hasher,
                                         uint64_t incarnation,
                                         std::string_view prefix);
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_SCAN_TOKEN_H_
