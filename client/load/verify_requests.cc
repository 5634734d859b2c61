#include "client/load/verify_requests.h"

#include <algorithm>
#include <utility>

#include "latchkey/v1/cache.pb.h"

namespace latchkey::load {
namespace {

// Enough for all keys of a run that are put, and old enough to be wrong often.
constexpr size_t kKnownMax = 64;
constexpr int64_t kCounterBound = 100;
constexpr uint64_t kTransferMax = 300;
// Streams below this are those of other workloads.
constexpr uint64_t kVerifyStreams = uint64_t{1} << 40;

enum class Kind {
  kGet,
  kAtomicRead,
  kPlainRead,
  kPut,
  kDelete,
  kIncrement,
  kAppend,
  kTransfer,
  kMove,
  kTouch,
  kBatchPut,
  kBatchDelete,
  kSetCounter,
  kAppendingPut,
  kAppendingChoice,
  kAppendingMove,
  kAppendingTransfer,
  kAppendingTouch,
  kReadOnlyTransact,
};

struct Weight {
  Kind kind;
  uint64_t weight;
};

// In percent.  75 are writes, of which 36 append.
constexpr Weight kWeights[] = {
    {Kind::kGet, 12},
    {Kind::kAtomicRead, 8},
    {Kind::kPlainRead, 3},
    {Kind::kPut, 11},
    {Kind::kDelete, 4},
    {Kind::kIncrement, 6},
    {Kind::kAppend, 14},
    {Kind::kTransfer, 5},
    {Kind::kMove, 4},
    {Kind::kTouch, 3},
    {Kind::kBatchPut, 3},
    {Kind::kBatchDelete, 1},
    {Kind::kSetCounter, 2},
    {Kind::kAppendingPut, 6},
    {Kind::kAppendingChoice, 7},
    {Kind::kAppendingMove, 3},
    {Kind::kAppendingTransfer, 4},
    {Kind::kAppendingTouch, 2},
    {Kind::kReadOnlyTransact, 2},
};

constexpr uint64_t WeightSum() {
  uint64_t sum = 0;
  for (const Weight& weight : kWeights) sum += weight.weight;
  return sum;
}
static_assert(WeightSum() == 100);

Kind Choose(uint64_t percent) {
  for (const Weight& weight : kWeights) {
    if (percent < weight.weight) return weight.kind;
    percent -= weight.weight;
  }
  return Kind::kGet;
}

}  // namespace

std::vector<std::string> VerifyKeys::AllButLogs() const {
  std::vector<std::string> all = {Sentinel()};
  for (uint64_t i = 0; i < kVerifyDataKeys; ++i) all.push_back(Data(i));
  for (uint64_t i = 0; i < kVerifyMovableKeys; ++i) all.push_back(Movable(i));
  for (uint64_t i = 0; i < kVerifyAccounts + kVerifyMissingAccounts; ++i) {
    all.push_back(Account(i));
  }
  for (uint64_t i = 0; i < kVerifyCounters; ++i) all.push_back(Counter(i));
  return all;
}

VerifyRequests::VerifyRequests(const VerifyKeys& keys,
                               const VerifyRequestsOptions& options)
    : keys_(keys),
      options_(options),
      random_(options.seed, kVerifyStreams + options.thread),
      logs_(keys.LogPrefix() + std::to_string(options.thread) + "/") {}

v1::BatchPutRequest VerifyRequests::Setup(const VerifyKeys& keys) {
  v1::BatchPutRequest request;
  v1::PutRequest* const sentinel = request.add_puts();
  sentinel->set_key(keys.Sentinel());
  sentinel->set_value("here");
  for (uint64_t i = 0; i < kVerifyAccounts; ++i) {
    v1::PutRequest* const put = request.add_puts();
    put->set_key(keys.Account(i));
    put->set_value(std::to_string(kVerifyBalance));
  }
  return request;
}

Call VerifyRequests::Next() {
  switch (Choose(random_.Below(100))) {
    case Kind::kGet:
      return Get();
    case Kind::kAtomicRead:
      return BatchGet(true);
    case Kind::kPlainRead:
      return BatchGet(false);
    case Kind::kPut:
      return Put();
    case Kind::kDelete:
      return Delete();
    case Kind::kIncrement:
      return Increment();
    case Kind::kAppend:
      return Append();
    case Kind::kTransfer:
      return Transfer();
    case Kind::kMove:
      return Move();
    case Kind::kTouch:
      return Touch();
    case Kind::kBatchPut:
      return BatchPut();
    case Kind::kBatchDelete:
      return BatchDelete();
    case Kind::kSetCounter:
      return SetCounter();
    case Kind::kAppendingPut:
      return AppendingPut();
    case Kind::kAppendingChoice:
      return AppendingChoice();
    case Kind::kAppendingMove:
      return AppendingMove();
    case Kind::kAppendingTransfer:
      return AppendingTransfer();
    case Kind::kAppendingTouch:
      return AppendingTouch();
    case Kind::kReadOnlyTransact:
      break;
  }
  return ReadOnlyTransact();
}

Call VerifyRequests::Again(Method method, std::string_view request,
                           const std::string& idempotency_key) {
  return verify::VisitMethod(method, [&]<typename Types>(Types) {
    using Request = typename Types::Request;
    auto& message = messages_.Get<Request>();
    verify::ParseMessage(request, &message);
    if constexpr (requires { message.set_idempotency_key(idempotency_key); }) {
      message.set_idempotency_key(idempotency_key);
    }
    return Call{method, &message};
  });
}

Call VerifyRequests::Reuse(const std::string& idempotency_key) {
  auto& put = Fresh<v1::PutRequest>();
  FillPut(&put);
  put.set_idempotency_key(idempotency_key);
  return {Method::kPut, &put};
}

void VerifyRequests::Learn(std::string_view key, uint64_t version) {
  Known known = {std::string(key), version};
  if (known_.size() < kKnownMax) {
    known_.push_back(std::move(known));
    return;
  }
  known_[next_known_++ % kKnownMax] = std::move(known);
}

template <typename Request>
Request& VerifyRequests::Fresh() {
  auto& message = messages_.Get<Request>();
  message.Clear();
  return message;
}

template <typename Request>
Call VerifyRequests::Made(Method method) {
  return {method, &messages_.Get<Request>()};
}

std::string VerifyRequests::Value() {
  const SizeRange& range = options_.value_bytes;
  std::string value =
      std::to_string(options_.thread) + "." + std::to_string(values_++) + ".";
  const size_t size = range.min + random_.Below(range.max - range.min + 1);
  value.resize(std::max(size, value.size()), '.');
  return value;
}

std::string VerifyRequests::AnyPutKey() {
  const uint64_t index = random_.Below(kVerifyDataKeys + kVerifyMovableKeys);
  return index < kVerifyDataKeys ? keys_.Data(index)
                                 : keys_.Movable(index - kVerifyDataKeys);
}

std::string VerifyRequests::AnyKey() {
  switch (random_.Below(4)) {
    case 0:
      return keys_.Account(
          random_.Below(kVerifyAccounts + kVerifyMissingAccounts));
    case 1:
      return keys_.Counter(random_.Below(kVerifyCounters));
    default:
      return AnyPutKey();
  }
}

std::vector<std::string> VerifyRequests::PutKeys(uint64_t count) {
  std::vector<std::string> keys;
  while (keys.size() < count) {
    std::string key = AnyPutKey();
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
      keys.push_back(std::move(key));
    }
  }
  return keys;
}

std::string VerifyRequests::OtherThan(const std::string& key, bool movable) {
  std::string other = key;
  while (other == key) {
    other = movable ? keys_.Movable(random_.Below(kVerifyMovableKeys))
                    : keys_.Data(random_.Below(kVerifyDataKeys));
  }
  return other;
}

void VerifyRequests::FillPrecondition(const std::string& key,
                                      v1::Precondition* precondition) {
  const auto known = std::find_if(
      known_.rbegin(), known_.rend(),
      [&](const Known& candidate) { return candidate.key == key; });
  if (known != known_.rend() && !OneIn(3)) {
    precondition->set_version(known->version);
  } else {
    precondition->set_exists(OneIn(2));
  }
}

void VerifyRequests::FillExpiration(v1::Expiration* expiration) {
  switch (random_.Below(3)) {
    case 0:
      return expiration->set_keep(true);
    case 1:
      return expiration->mutable_ttl()->set_seconds(kVerifyTtlSeconds);
    default:
      // Never.
      return;
  }
}

void VerifyRequests::FillPut(v1::PutRequest* put) {
  put->set_key(AnyPutKey());
  put->set_value(Value());
  put->set_flags(static_cast<uint32_t>(random_.Below(4)));
  put->set_return_previous(OneIn(4));
  if (OneIn(3)) FillPrecondition(put->key(), put->mutable_precondition());
  if (OneIn(4)) FillExpiration(put->mutable_expiration());
}

void VerifyRequests::FillAppend(v1::IncrementRequest* increment) {
  const verify::LogAppend append = logs_.Next();
  increment->set_key(append.key.data(), append.key.size());
  increment->set_delta(append.delta);
  increment->set_initial(0);
}

void VerifyRequests::FillTransfer(v1::TransferRequest* transfer) {
  const uint64_t source = random_.Below(kVerifyAccounts);
  // Somewhere around the circle from the source.
  const uint64_t accounts = kVerifyAccounts + kVerifyMissingAccounts;
  const uint64_t destination =
      (source + 1 + random_.Below(accounts - 1)) % accounts;
  transfer->set_source_key(keys_.Account(source));
  transfer->set_destination_key(keys_.Account(destination));
  transfer->set_amount(1 + random_.Below(kTransferMax));
  transfer->set_create_destination(OneIn(2));
  if (OneIn(4)) transfer->set_source_min(kVerifyBalance / 2);
}

Call VerifyRequests::Get() {
  Fresh<v1::GetRequest>().set_key(AnyKey());
  return Made<v1::GetRequest>(Method::kGet);
}

Call VerifyRequests::BatchGet(bool atomic) {
  auto& request = Fresh<v1::BatchGetRequest>();
  request.set_atomic(atomic);
  const uint64_t count = 2 + random_.Below(11);
  for (uint64_t i = 0; i < count; ++i) request.add_keys(AnyKey());
  return Made<v1::BatchGetRequest>(Method::kBatchGet);
}

Call VerifyRequests::Put() {
  FillPut(&Fresh<v1::PutRequest>());
  return Made<v1::PutRequest>(Method::kPut);
}

Call VerifyRequests::Delete() {
  auto& request = Fresh<v1::DeleteRequest>();
  request.set_key(OneIn(6) ? keys_.Counter(random_.Below(kVerifyCounters))
                           : AnyPutKey());
  request.set_return_previous(OneIn(2));
  if (OneIn(3)) {
    FillPrecondition(request.key(), request.mutable_precondition());
  }
  return Made<v1::DeleteRequest>(Method::kDelete);
}

Call VerifyRequests::Increment() {
  auto& request = Fresh<v1::IncrementRequest>();
  request.set_key(keys_.Counter(random_.Below(kVerifyCounters)));
  request.set_delta(static_cast<int64_t>(random_.Below(2 * kCounterBound)) -
                    kCounterBound);
  if (!OneIn(4)) {
    request.set_initial(static_cast<int64_t>(random_.Below(kCounterBound)));
  }
  if (OneIn(2)) request.set_min(-kCounterBound);
  if (OneIn(2)) request.set_max(kCounterBound);
  return Made<v1::IncrementRequest>(Method::kIncrement);
}

Call VerifyRequests::Append() {
  FillAppend(&Fresh<v1::IncrementRequest>());
  return Made<v1::IncrementRequest>(Method::kIncrement);
}

Call VerifyRequests::Transfer() {
  FillTransfer(&Fresh<v1::TransferRequest>());
  return Made<v1::TransferRequest>(Method::kTransfer);
}

Call VerifyRequests::Move() {
  auto& request = Fresh<v1::MoveRequest>();
  request.set_source_key(keys_.Movable(random_.Below(kVerifyMovableKeys)));
  request.set_destination_key(OtherThan(request.source_key(), true));
  request.set_overwrite(OneIn(2));
  if (OneIn(4)) {
    FillPrecondition(request.source_key(),
                     request.mutable_source_precondition());
  }
  return Made<v1::MoveRequest>(Method::kMove);
}

Call VerifyRequests::Touch() {
  auto& request = Fresh<v1::TouchRequest>();
  request.set_key(AnyPutKey());
  FillExpiration(request.mutable_expiration());
  return Made<v1::TouchRequest>(Method::kTouch);
}

Call VerifyRequests::BatchPut() {
  auto& request = Fresh<v1::BatchPutRequest>();
  for (std::string& key : PutKeys(2 + random_.Below(4))) {
    v1::PutRequest* const put = request.add_puts();
    FillPut(put);
    put->clear_precondition();
    put->set_key(std::move(key));
    if (OneIn(8)) FillPrecondition(put->key(), put->mutable_precondition());
  }
  return Made<v1::BatchPutRequest>(Method::kBatchPut);
}

Call VerifyRequests::BatchDelete() {
  auto& request = Fresh<v1::BatchDeleteRequest>();
  for (std::string& key : PutKeys(2 + random_.Below(2))) {
    v1::DeleteRequest* const each = request.add_deletes();
    each->set_key(std::move(key));
    each->set_return_previous(OneIn(2));
    if (OneIn(8)) FillPrecondition(each->key(), each->mutable_precondition());
  }
  return Made<v1::BatchDeleteRequest>(Method::kBatchDelete);
}

Call VerifyRequests::SetCounter() {
  auto& request = Fresh<v1::PutRequest>();
  request.set_key(keys_.Counter(random_.Below(kVerifyCounters)));
  request.set_value(OneIn(4) ? Value() : std::to_string(random_.Below(100)));
  return Made<v1::PutRequest>(Method::kPut);
}

Call VerifyRequests::AppendingPut() {
  auto& request = Fresh<v1::TransactRequest>();
  FillAppend(request.add_on_success()->mutable_increment());
  FillPut(request.add_on_success()->mutable_put());
  return Made<v1::TransactRequest>(Method::kTransact);
}

Call VerifyRequests::AppendingChoice() {
  auto& request = Fresh<v1::TransactRequest>();
  v1::Compare* const compare = request.add_compares();
  compare->set_key(AnyPutKey());
  FillPrecondition(compare->key(), compare->mutable_precondition());
  v1::PutRequest* const put = request.add_on_success()->mutable_put();
  FillPut(put);
  put->clear_precondition();
  put->set_key(compare->key());
  v1::IncrementRequest* const append =
      request.add_on_success()->mutable_increment();
  FillAppend(append);
  *request.add_on_failure()->mutable_increment() = *append;
  request.add_on_failure()->mutable_get()->set_key(compare->key());
  return Made<v1::TransactRequest>(Method::kTransact);
}

Call VerifyRequests::AppendingMove() {
  auto& request = Fresh<v1::TransactRequest>();
  FillAppend(request.add_on_success()->mutable_increment());
  const std::string source = keys_.Data(random_.Below(kVerifyDataKeys));
  // Tells what is moved.
  request.add_on_success()->mutable_get()->set_key(source);
  v1::MoveRequest* const move = request.add_on_success()->mutable_move();
  move->set_source_key(source);
  move->set_destination_key(OtherThan(source, false));
  move->set_overwrite(OneIn(2));
  return Made<v1::TransactRequest>(Method::kTransact);
}

Call VerifyRequests::AppendingTransfer() {
  auto& request = Fresh<v1::TransactRequest>();
  FillAppend(request.add_on_success()->mutable_increment());
  FillTransfer(request.add_on_success()->mutable_transfer());
  return Made<v1::TransactRequest>(Method::kTransact);
}

Call VerifyRequests::AppendingTouch() {
  auto& request = Fresh<v1::TransactRequest>();
  v1::TouchRequest* const touch = request.add_on_success()->mutable_touch();
  touch->set_key(AnyPutKey());
  FillExpiration(touch->mutable_expiration());
  v1::DeleteRequest* const del = request.add_on_success()->mutable_delete_();
  del->set_key(AnyPutKey());
  FillAppend(request.add_on_success()->mutable_increment());
  return Made<v1::TransactRequest>(Method::kTransact);
}

Call VerifyRequests::ReadOnlyTransact() {
  auto& request = Fresh<v1::TransactRequest>();
  v1::Compare* const compare = request.add_compares();
  compare->set_key(AnyPutKey());
  FillPrecondition(compare->key(), compare->mutable_precondition());
  for (int i = 0; i < 3; ++i) {
    request.add_on_success()->mutable_get()->set_key(AnyKey());
    request.add_on_failure()->mutable_get()->set_key(AnyKey());
  }
  return Made<v1::TransactRequest>(Method::kTransact);
}

}  // namespace latchkey::load
