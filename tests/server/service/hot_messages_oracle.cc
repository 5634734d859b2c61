#include "tests/server/service/hot_messages_oracle.h"

#include <variant>
#include <vector>

#include "latchkey/v1/cache.pb.h"
#include "server/base/clock.h"
#include "server/service/decode.h"
#include "server/service/hot_messages.h"

namespace latchkey {
namespace {

// Small, so that random requests are over them.
const ServiceOptions kOptions = {
    .key_bytes_max = 20, .value_bytes_max = 50, .batch_get_keys_max = 10};

// The message of `bytes`, decoded; nothing where either is an error or there
// are fields that are not read.
template <typename Request, typename Out>
bool Judge(std::string_view bytes, Request* request, Out* out) {
  const SystemClock clock;
  if (!request->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return false;
  }
  const auto& reflection = *request->GetReflection();
  return reflection.GetUnknownFields(*request).empty() &&
         Decoder(kOptions, clock).Decode(*request, out).ok();
}

bool IsRight(std::string_view bytes, const GetOperation& read) {
  v1::GetRequest request;
  Operation operation;
  if (!Judge(bytes, &request, &operation) || request.has_lease()) return false;
  const auto& get = std::get<GetOperation>(operation);
  return !get.touch.has_value() && get.key == read.key &&
         get.if_version_not == read.if_version_not;
}

bool IsRight(std::string_view bytes, const PutOperation& read) {
  v1::PutRequest request;
  Operation operation;
  if (!Judge(bytes, &request, &operation) ||
      !request.idempotency_key().empty() || !request.lease_token().empty()) {
    return false;
  }
  const auto& put = std::get<PutOperation>(operation);
  return put.precondition.kind == Precondition::Kind::kNone &&
         !put.return_previous && put.key == read.key &&
         put.value == read.value && put.flags == read.flags &&
         put.expiration.kind == read.expiration.kind &&
         put.expiration.ttl == read.expiration.ttl;
}

bool IsRight(std::string_view bytes,
             const std::vector<std::string_view>& read) {
  v1::BatchGetRequest request;
  std::vector<std::string_view> keys;
  return Judge(bytes, &request, &keys) && !request.atomic() && keys == read &&
         keys.size() <= kOptions.batch_get_keys_max;
}

}  // namespace

std::string CompareReaders(std::string_view request) {
  std::string took;
  GetOperation get;
  if (ReadHotGet(request, kOptions, &get)) {
    if (!IsRight(request, get)) return "wrong: Get";
    took += 'g';
  }
  PutOperation put;
  if (ReadHotPut(request, kOptions, &put)) {
    if (!IsRight(request, put)) return "wrong: Put";
    took += 'p';
  }
  std::vector<std::string_view> keys;
  if (ReadHotBatchGet(request, kOptions, &keys)) {
    if (!IsRight(request, keys)) return "wrong: BatchGet";
    took += 'b';
  }
  return took;
}

}  // namespace latchkey
