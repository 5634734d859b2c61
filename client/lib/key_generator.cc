#include "client/lib/key_generator.h"

namespace latchkey::client {
namespace {

constexpr uint64_t kCounterMax = 0xfff;
constexpr uint64_t kCounterStartMax = 0x7ff;

void AppendBigEndian(uint64_t number, std::string& bytes) {
  for (int shift = 56; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<char>(number >> shift & 0xff));
  }
}

}  // namespace

std::string KeyGenerator::Next() {
  const int64_t clock_millis = clock_.UnixMillis();
  const uint64_t counter_bits = random_.Next();
  const uint64_t tail_bits = random_.Next();
  uint64_t millis;
  uint64_t counter;
  {
    MutexLock lock(mutex_);
    if (clock_millis > millis_) {
      millis_ = clock_millis;
      counter_ = counter_bits & kCounterStartMax;
    } else if (counter_ < kCounterMax) {
      ++counter_;
    } else {
      ++millis_;
      counter_ = counter_bits & kCounterStartMax;
    }
    millis = static_cast<uint64_t>(millis_);
    counter = counter_;
  }
  std::string key;
  key.reserve(16);
  AppendBigEndian(millis << 16 | uint64_t{7} << 12 | counter, key);
  AppendBigEndian(uint64_t{1} << 63 | tail_bits >> 2, key);
  return key;
}

std::string UuidText(std::string_view key) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(36);
  for (const char byte : key) {
    const size_t size = text.size();
    if (size == 8 || size == 13 || size == 18 || size == 23) text += '-';
    text += kDigits[static_cast<unsigned char>(byte) >> 4];
    text += kDigits[static_cast<unsigned char>(byte) & 0xf];
  }
  return text;
}

}  // namespace latchkey::client
