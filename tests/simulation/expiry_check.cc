#include "tests/simulation/expiry_check.h"

#include <algorithm>
#include <utility>

#include "tests/simulation/draw.h"

namespace latchkey::simulation {
namespace {

constexpr uint64_t kExpiryStreams = uint64_t{6} << 40;
constexpr size_t kPutMax = 16;
constexpr Nanos kTtlMin = 100 * kNanosPerMicro;

}  // namespace

ExpiryCheck::ExpiryCheck(uint64_t seed, uint64_t client, Scheduler& scheduler,
                         verify::Violations* violations)
    : prefix_("brief/" + std::to_string(client) + "/"),
      scheduler_(scheduler),
      violations_(*violations),
      random_(seed, kExpiryStreams + client) {}

v1::PutRequest ExpiryCheck::Next() {
  v1::PutRequest put;
  put.set_key(prefix_ + std::to_string(count_++));
  put.set_value("until then");
  const Nanos ttl = DrawNanos(random_, kTtlMin, kTtlMax);
  auto* const duration = put.mutable_expiration()->mutable_ttl();
  duration->set_seconds(ttl / kNanosPerSecond);
  duration->set_nanos(static_cast<int32_t>(ttl % kNanosPerSecond));
  return put;
}

void ExpiryCheck::WasPut(const v1::PutRequest& put, UnixNanos start,
                         UnixNanos end) {
  const auto& duration = put.expiration().ttl();
  const Nanos ttl = duration.seconds() * kNanosPerSecond + duration.nanos();
  Put kept = {put.key(), put.value(), end, start + ttl, end + ttl};
  if (put_.size() < kPutMax) {
    put_.push_back(std::move(kept));
  } else {
    put_[random_.Below(kPutMax)] = std::move(kept);
  }
}

void ExpiryCheck::JudgeSnapshot(const std::vector<v1::Entry>& entries,
                                UnixNanos earliest, UnixNanos latest) {
  for (const v1::Entry& entry : entries) {
    const auto& expires = entry.expire_time();
    if (expires.seconds() * kNanosPerSecond + expires.nanos() > earliest) {
      continue;
    }
    violations_.Add(sort::kWrongExpiry,
                    "a snapshot shows " + entry.key() + " too late");
  }
  for (const Put& put : put_) {
    if (put.put_by > earliest || put.earliest <= latest) continue;
    const bool shown =
        std::any_of(entries.begin(), entries.end(), [&](const auto& entry) {
          return entry.key() == put.key && entry.value() == put.value;
        });
    if (shown) continue;
    violations_.Add(sort::kWrongExpiry, "a snapshot does not show " + put.key);
  }
}

void ExpiryCheck::ReadOne(Life& life) {
  if (put_.empty()) return;
  const Put put = put_[random_.Below(put_.size())];
  ++reads_;
  v1::GetRequest get;
  get.set_key(put.key);
  const UnixNanos start = scheduler_.now();
  const verify::DirectAnswer answer = life.Serve(
      {.method = verify::Method::kGet, .request = get.SerializeAsString()});
  const UnixNanos end = scheduler_.now();
  v1::GetResponse response;
  const bool right =
      answer.ok() && response.ParseFromString(answer.response) &&
      (response.has_entry()
           ? start < put.latest && response.entry().value() == put.value
           : end >= put.earliest);
  if (!right) {
    violations_.Add(sort::kWrongExpiry,
                    put.key + " expires from " + std::to_string(put.earliest) +
                        " to " + std::to_string(put.latest) + " and was " +
                        (response.has_entry() ? "" : "not ") + "seen from " +
                        std::to_string(start) + " to " + std::to_string(end));
  }
}

}  // namespace latchkey::simulation
