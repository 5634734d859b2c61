#include "server/service/time_conversion.h"

#include <cstdint>

namespace latchkey {
namespace {

// `seconds` and `nanos` together, or the nearest int64 to it.
int64_t Combine(int64_t seconds, int32_t nanos) {
  int64_t product;
  int64_t sum;
  if (__builtin_mul_overflow(seconds, kNanosPerSecond, &product) ||
      __builtin_add_overflow(product, int64_t{nanos}, &sum)) {
    return seconds < 0 ? INT64_MIN : INT64_MAX;
  }
  return sum;
}

}  // namespace

std::optional<Nanos> ToNanos(const google::protobuf::Duration& duration) {
  const int64_t seconds = duration.seconds();
  const int32_t nanos = duration.nanos();
  if (nanos <= -kNanosPerSecond || nanos >= kNanosPerSecond) {
    return std::nullopt;
  }
  if ((seconds > 0 && nanos < 0) || (seconds < 0 && nanos > 0)) {
    return std::nullopt;
  }
  return Combine(seconds, nanos);
}

std::optional<UnixNanos> ToUnixNanos(
    const google::protobuf::Timestamp& timestamp) {
  const int32_t nanos = timestamp.nanos();
  if (nanos < 0 || nanos >= kNanosPerSecond) return std::nullopt;
  return Combine(timestamp.seconds(), nanos);
}

void ToDuration(Nanos time, google::protobuf::Duration* duration) {
  duration->set_seconds(time / kNanosPerSecond);
  duration->set_nanos(static_cast<int32_t>(time % kNanosPerSecond));
}

void ToTimestamp(UnixNanos time, google::protobuf::Timestamp* timestamp) {
  int64_t seconds = time / kNanosPerSecond;
  int64_t nanos = time % kNanosPerSecond;
  // A Timestamp counts its nanos forward, also before 1970.
  if (nanos < 0) {
    --seconds;
    nanos += kNanosPerSecond;
  }
  timestamp->set_seconds(seconds);
  timestamp->set_nanos(static_cast<int32_t>(nanos));
}

}  // namespace latchkey
