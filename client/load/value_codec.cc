#include "client/load/value_codec.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "client/load/random.h"

namespace latchkey::load {
namespace {

static_assert(std::endian::native == std::endian::little,
              "numbers are copied as they lie in memory");

constexpr size_t kKeyIndexAt = 0;
constexpr size_t kWriteNumberAt = 8;
constexpr size_t kLengthAt = 16;
constexpr size_t kChecksumAt = 20;

template <typename T>
T Load(std::string_view value, size_t at) {
  T number;
  std::memcpy(&number, value.data() + at, sizeof(number));
  return number;
}

template <typename T>
void Store(T number, size_t at, std::string* value) {
  std::memcpy(value->data() + at, &number, sizeof(number));
}

}  // namespace

std::string_view ValueVerdictName(ValueVerdict verdict) {
  switch (verdict) {
    case ValueVerdict::kGood:
      return "good";
    case ValueVerdict::kTooShort:
      return "value too short to be ours";
    case ValueVerdict::kWrongLength:
      return "value of another length than written";
    case ValueVerdict::kWrongChecksum:
      return "value with a wrong checksum";
    case ValueVerdict::kOtherKey:
      return "value of another key";
  }
  return "unknown";
}

void ValueCodec::Encode(const WriteId& id, size_t size,
                        std::string* value) const {
  value->resize(size);
  Store(id.key_index, kKeyIndexAt, value);
  Store(id.write_number, kWriteNumberAt, value);
  Store(static_cast<uint32_t>(size), kLengthAt, value);

  Random filling(seed_ ^ id.key_index, id.write_number);
  for (size_t at = kValueBytesMin; at < size; at += sizeof(uint64_t)) {
    const uint64_t word = filling.Next();
    std::memcpy(value->data() + at, &word, std::min(sizeof(word), size - at));
  }
  Store(Checksum(*value), kChecksumAt, value);
}

uint32_t ValueCodec::Checksum(std::string_view value) const {
  // Each step is a bijection of the sum for a fixed word and of the word for a
  // fixed sum: a change within one word cannot cancel out before the last
  // folding.
  uint64_t sum = Mix64(seed_ ^ Load<uint64_t>(value, kKeyIndexAt));
  sum = Mix64(sum ^ Load<uint64_t>(value, kWriteNumberAt));
  sum = Mix64(sum ^ Load<uint32_t>(value, kLengthAt));
  for (size_t at = kValueBytesMin; at < value.size(); at += sizeof(uint64_t)) {
    uint64_t word = 0;
    std::memcpy(&word, value.data() + at,
                std::min(sizeof(word), value.size() - at));
    sum = Mix64(sum ^ word);
  }
  return static_cast<uint32_t>(sum ^ (sum >> 32));
}

ValueVerdict ValueCodec::Verify(std::string_view value,
                                uint64_t key_index) const {
  if (value.size() < kValueBytesMin) return ValueVerdict::kTooShort;
  if (Load<uint32_t>(value, kLengthAt) != value.size()) {
    return ValueVerdict::kWrongLength;
  }
  if (Load<uint32_t>(value, kChecksumAt) != Checksum(value)) {
    return ValueVerdict::kWrongChecksum;
  }
  if (Load<uint64_t>(value, kKeyIndexAt) != key_index) {
    return ValueVerdict::kOtherKey;
  }
  return ValueVerdict::kGood;
}

}  // namespace latchkey::load
