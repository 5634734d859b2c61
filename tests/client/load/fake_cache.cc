#include "tests/client/load/fake_cache.h"

#include <algorithm>
#include <utility>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace latchkey::load {
namespace {

grpc::Status Refusal(grpc::StatusCode code, const std::string& reason) {
  google::rpc::ErrorInfo info;
  info.set_reason(reason);
  info.set_domain("latchkey");
  (*info.mutable_metadata())["applied"] = "no";
  google::rpc::Status status;
  status.set_code(code);
  status.set_message("refused: " + reason);
  status.add_details()->PackFrom(info);
  return grpc::Status(code, status.message(), status.SerializeAsString());
}

template <typename Request, typename Response>
grpc::Status Typed(FakeCache* cache,
                   grpc::Status (FakeCache::*method)(const Request&, Response*),
                   const std::string& request_bytes, std::string* bytes) {
  Request request;
  if (!request.ParseFromString(request_bytes)) {
    return Refusal(grpc::StatusCode::INVALID_ARGUMENT, "INVALID_FIELD");
  }
  Response response;
  grpc::Status status = (cache->*method)(request, &response);
  *bytes = response.SerializeAsString();
  return status;
}

}  // namespace

bool FakeCache::LieNow(Lie lie) {
  return lie == lie_ && ++occasions_ % lie_every_ == 0;
}

void FakeCache::Write(const std::string& key, const std::string& value) {
  Stored& stored = entries_[key];
  stored.value_before = std::exchange(stored.value, value);
  stored.version = version_;
}

void FakeCache::Show(const std::string& key, v1::GetResponse* response) {
  const auto found = entries_.find(key);
  if (found == entries_.end() || LieNow(Lie::kMisses)) return;
  v1::Entry* entry = response->mutable_entry();
  entry->set_key(key);
  entry->set_value(found->second.value);
  entry->set_version(found->second.version);
  if (LieNow(Lie::kFlipsABit)) entry->mutable_value()->back() ^= 1;
  const auto next = std::next(found);
  const auto& other = next == entries_.end() ? *entries_.begin() : *next;
  if (LieNow(Lie::kSwapsValues)) entry->set_value(other.second.value);
  if (LieNow(Lie::kSwapsKeys)) entry->set_key(other.first);
}

grpc::Status FakeCache::CheckPrecondition(const v1::PutRequest& request) const {
  const auto found = entries_.find(request.key());
  const auto& precondition = request.precondition();
  const uint64_t version = found == entries_.end() ? 0 : found->second.version;
  if (precondition.has_version() && precondition.version() != version) {
    return Refusal(grpc::StatusCode::ABORTED, "PRECONDITION_FAILED");
  }
  if (precondition.has_exists() && !precondition.exists() && version != 0) {
    return Refusal(grpc::StatusCode::ALREADY_EXISTS, "KEY_EXISTS");
  }
  return grpc::Status::OK;
}

grpc::Status FakeCache::Get(const v1::GetRequest& request,
                            v1::GetResponse* response) {
  const std::lock_guard lock(mutex_);
  Show(request.key(), response);
  return grpc::Status::OK;
}

grpc::Status FakeCache::BatchGet(const v1::BatchGetRequest& request,
                                 v1::BatchGetResponse* response) {
  const std::lock_guard lock(mutex_);
  for (const std::string& key : request.keys()) {
    Show(key, response->add_results());
  }
  if (LieNow(Lie::kTearsAtomicReads)) {
    v1::GetResponse* first = response->mutable_results(0);
    const Stored& stored = entries_[first->entry().key()];
    if (!stored.value_before.empty()) {
      first->mutable_entry()->set_value(stored.value_before);
    }
  }
  response->set_snapshot_version(version_);
  return grpc::Status::OK;
}

grpc::Status FakeCache::Put(const v1::PutRequest& request,
                            v1::PutResponse* response) {
  const std::lock_guard lock(mutex_);
  if (LieNow(Lie::kRefusesWrites)) {
    return Refusal(grpc::StatusCode::RESOURCE_EXHAUSTED, "OUT_OF_MEMORY");
  }
  const grpc::Status status = CheckPrecondition(request);
  if (!status.ok()) return status;
  response->set_version(++version_);
  if (!LieNow(Lie::kLosesWrites)) Write(request.key(), request.value());
  return grpc::Status::OK;
}

grpc::Status FakeCache::BatchPut(const v1::BatchPutRequest& request,
                                 v1::BatchPutResponse* response) {
  const std::lock_guard lock(mutex_);
  if (request.puts_size() > 128) {
    return Refusal(grpc::StatusCode::INVALID_ARGUMENT, "TOO_MANY_OPERATIONS");
  }
  ++version_;
  for (const v1::PutRequest& put : request.puts()) {
    Write(put.key(), put.value());
    response->add_results()->set_version(version_);
  }
  largest_batch_ = std::max(largest_batch_, request.ByteSizeLong());
  return grpc::Status::OK;
}

grpc::Status FakeCache::Transfer(const v1::TransferRequest& request,
                                 v1::TransferResponse* response) {
  ++transfers_;
  const std::lock_guard lock(mutex_);
  const int64_t amount = static_cast<int64_t>(request.amount());
  const int64_t source = std::stoll(entries_[request.source_key()].value);
  const int64_t destination =
      std::stoll(entries_[request.destination_key()].value);
  if (source < amount) {
    return Refusal(grpc::StatusCode::OUT_OF_RANGE, "COUNTER_LIMIT");
  }
  ++version_;
  const int64_t moved = LieNow(Lie::kDoublesTransfers) ? 2 * amount : amount;
  if (!LieNow(Lie::kLosesTransfers)) {
    Write(request.source_key(), std::to_string(source - moved));
    if (!LieNow(Lie::kHalvesTransfers)) {
      Write(request.destination_key(), std::to_string(destination + moved));
    }
  }
  if (LieNow(Lie::kLosesTransferAnswers)) {
    return grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED, "too late");
  }
  response->set_source_value(source - amount);
  response->set_destination_value(destination + amount);
  response->set_version(version_);
  return grpc::Status::OK;
}

grpc::Status FakeCache::Handle(Method method, const std::string& request,
                               std::string* response) {
  grpc::Status status;
  switch (method) {
    case Method::kGet:
      status = Typed(this, &FakeCache::Get, request, response);
      break;
    case Method::kBatchGet:
      status = Typed(this, &FakeCache::BatchGet, request, response);
      break;
    case Method::kPut:
      status = Typed(this, &FakeCache::Put, request, response);
      break;
    case Method::kBatchPut:
      return Typed(this, &FakeCache::BatchPut, request, response);
    case Method::kTransfer:
      status = Typed(this, &FakeCache::Transfer, request, response);
      break;
    default:
      return {grpc::StatusCode::UNIMPLEMENTED, "no load sends this"};
  }
  const std::lock_guard lock(mutex_);
  // A lone tag without the field that it announces.
  if (LieNow(Lie::kSendsGarbage)) *response = "\x0a";
  return status;
}

}  // namespace latchkey::load
