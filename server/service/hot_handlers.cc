// The HotHandlers of CacheService: requests of the usual form, without
// protobuf.

#include <utility>
#include <variant>
#include <vector>

#include "server/rpc/overload.h"
#include "server/service/cache_service.h"
#include "server/service/hot_messages.h"
#include "server/service/keyed_writes.h"
#include "server/service/limit_check.h"

namespace latchkey {

bool CacheService::HotGet(Call& call, std::string_view bytes) {
  GetOperation get;
  if (!ReadHotGet(bytes, options_, &get) || AsksForStamp(call) ||
      !access_.Check(call, Verb::kRead, get.key).ok()) {
    return false;
  }
  if (absl::Status s = TakeOperations(call, 1, clock_); !s.ok()) {
    call.Fail(s);
    return true;
  }
  const auto result = store_.Get(get, call.token());
  if (!result.ok()) {
    call.Fail(result.status());
  } else if (IsLarge(*result)) {
    call.Reply(ReplyBody::Of(LargeGetReply(*result)));
  } else {
    call.Reply(ReplyBody::Encoded(HotGetReply(*result)));
  }
  return true;
}

bool CacheService::HotPut(Call& call, std::string_view bytes) {
  Operation operation = PutOperation();
  const Transaction transaction = {.on_success = {&operation, 1},
                                   .account = call.account()};
  if (!ReadHotPut(bytes, options_, &std::get<PutOperation>(operation)) ||
      AsksForStamp(call) || !access_.Check(call, transaction).ok()) {
    return false;
  }
  if (absl::Status s = TakeOperations(call, 1, clock_); !s.ok()) {
    call.Fail(NotRun(s));
    return true;
  }
  const auto result = store_.Write(transaction, call.token());
  if (result.ok()) {
    const auto& put = std::get<PutResult>(result->results[0]);
    call.Reply(
        ReplyBody::Encoded(HotPutReply(result->version, put.expire_time)));
  } else {
    call.Fail(NotRun(result.status()));
  }
  return true;
}

bool CacheService::HotBatchGet(Call& call, std::string_view bytes) {
  std::vector<std::string_view> keys;
  keys.reserve(kPointReadsMax);
  if (!ReadHotBatchGet(bytes, options_, &keys) || AsksForStamp(call) ||
      !access_.Check(call, Verb::kRead, keys).ok()) {
    return false;
  }
  if (keys.size() > kPointReadsMax && bulk_ != nullptr) return false;
  absl::Status status = TakeOperations(call, keys.size(), clock_);
  if (!status.ok()) {
    call.Fail(status);
    return true;
  }
  const auto result = store_.BatchGet(keys, call.token());
  status = result.status();
  status.Update(CheckBeforeEncode(call.token()));
  if (status.ok()) {
    call.Reply(ReplyBody::Encoded(HotBatchGetReply(*result)));
  } else {
    call.Fail(status);
  }
  return true;
}

}  // namespace latchkey
