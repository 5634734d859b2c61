// ValueCodec makes values that say what they are, so that whoever reads one can
// tell a wrong, torn or swapped value from a right one.
//
//   bytes    field
//   0 - 7    index of the key it was written to
//   8 - 15   number of the write, another one for each write of a run
//   16 - 19  length of the whole value
//   20 - 23  checksum over all other bytes and the seed of the run
//   24 -     filling that follows from seed, key and write; does not compress
//
// Numbers are little-endian.  A value that was made up by someone else passes
// with a chance of 2^-32.
//
// Thread safety: immutable; may be used from any thread.

#ifndef LATCHKEY_CLIENT_LOAD_VALUE_CODEC_H_
#define LATCHKEY_CLIENT_LOAD_VALUE_CODEC_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace latchkey::load {

// The fields above, without filling.
inline constexpr size_t kValueBytesMin = 24;

struct WriteId {
  uint64_t key_index = 0;
  uint64_t write_number = 0;
};

enum class ValueVerdict {
  kGood,
  kTooShort,
  kWrongLength,
  kWrongChecksum,
  kOtherKey,
};

// As "checksum does not fit"; for kGood "good".
std::string_view ValueVerdictName(ValueVerdict verdict);

class ValueCodec {
 public:
  explicit ValueCodec(uint64_t seed) : seed_(seed) {}

  // Overwrites `value` with the value of `id`.
  //
  // REQUIRES: kValueBytesMin <= size < 2^32.
  void Encode(const WriteId& id, size_t size, std::string* value) const;

  // Whether `value` is, bit for bit, one that Encode() made for this key.
  ValueVerdict Verify(std::string_view value, uint64_t key_index) const;

 private:
  uint32_t Checksum(std::string_view value) const;

  const uint64_t seed_;
};

}  // namespace latchkey::load

#endif  // LATCHKEY_CLIENT_LOAD_VALUE_CODEC_H_
