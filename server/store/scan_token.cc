#include "server/store/scan_token.h"

#include <cstring>

#include "server/base/error.h"

namespace latchkey {
namespace {

// What is written; without padding, so that its bytes are the token's.
struct Layout {
  uint64_t incarnation;
  uint64_t first;
  uint64_t second;
  uint64_t check;
  uint8_t kind;
  uint8_t shard;
};
constexpr size_t kBytes = 4 * sizeof(uint64_t) + 2;
constexpr size_t kCheckOffset = 3 * sizeof(uint64_t);

// Of the long hash: the short one says where a key is stored.
uint64_t CheckOf(const KeyHasher& hasher, std::string_view bytes,
                 std::string_view prefix) {
  std::string text(bytes.substr(0, kCheckOffset));
  text += bytes.substr(kCheckOffset + sizeof(uint64_t));
  text += prefix;
  return hasher.Hash128(text).low;
}

absl::Status BadTokenError() {
  return MakeInvalidArgument(
      ErrorReason::kInvalidField, "resume_token",
      "is not one that this server made for a scan of this prefix");
}

}  // namespace

std::string ScanToken::ToBytes(const KeyHasher& hasher, uint64_t incarnation,
                               std::string_view prefix) const {
  Layout layout = {.incarnation = incarnation,
                   .first = first,
                   .second = second,
                   .check = 0,
                   .kind = static_cast<uint8_t>(kind),
                   .shard = shard};
  std::string bytes(reinterpret_cast<const char*>(&layout), kBytes);
  const uint64_t check = CheckOf(hasher, bytes, prefix);
  std::memcpy(bytes.data() + kCheckOffset, &check, sizeof(check));
  return bytes;
}

absl::StatusOr<ScanToken> ScanToken::Parse(std::string_view bytes,
                                           const KeyHasher& hasher,
                                           uint64_t incarnation,
                                           std::string_view prefix) {
  if (bytes.size() != kBytes) return BadTokenError();
  Layout layout = {};
  std::memcpy(&layout, bytes.data(), kBytes);
  if (layout.incarnation != incarnation) {
    return MakeError(absl::StatusCode::kOutOfRange, ErrorReason::kScanExpired,
                     "the resume_token is of another life of the server; "
                     "scan from the start");
  }
  if (layout.check != CheckOf(hasher, bytes, prefix)) return BadTokenError();
  return ScanToken{.kind = static_cast<Kind>(layout.kind),
                   .shard = layout.shard,
                   .first = layout.first,
                   .second = layout.second};
}

}  // namespace latchkey
