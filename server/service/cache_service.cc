#include "server/service/cache_service.h"

#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/error.h"
#include "server/base/mutant.h"
#include "server/base/string_view.h"
#include "server/base/sync_point.h"
#include "server/rpc/call.h"
#include "server/rpc/overload.h"
#include "server/runtime/task_scope.h"
#include "server/service/element_count.h"
#include "server/service/encode.h"
#include "server/service/keyed_writes.h"
#include "server/service/lease_wait.h"
#include "server/service/limit_check.h"
#include "server/service/request_fields.h"
#include "server/service/scan_handler.h"
#include "server/store/batch_read.h"

namespace latchkey {
namespace {

constexpr std::string_view kApplied = "applied";

constexpr std::string_view kReplayedName = "latchkey-replayed";

std::string MethodPath(std::string_view name) {
  return absl::StrCat("/", CacheService::kName, "/", ToAbsl(name));
}

// What --test-service-time-us asks for.
void Burn(Nanos time) {
  const Nanos end = ThreadCpuNow() + time;
  while (ThreadCpuNow() < end) {
  }
}

// The error of a write, of which nothing was applied unless it says otherwise.
absl::Status NotApplied(const absl::Status& error) {
  const std::optional<ErrorDetails> details = GetErrorDetails(error);
  if (details.has_value()) {
    for (const auto& [name, value] : details->metadata) {
      if (name == kApplied) return error;
    }
  }
  return WithMetadata(error, kApplied, "no");
}

// The list of a batch is its field number 1.
constexpr int kListNumber = 1;

template <typename Request>
constexpr std::string_view kListName;
template <>
constexpr std::string_view kListName<v1::BatchPutRequest> = "puts";
template <>
constexpr std::string_view kListName<v1::BatchDeleteRequest> = "deletes";

// TOO_MANY_OPERATIONS where the list `number` of the serialized request has
// more than `count_max` elements, before they are built.
absl::Status CheckElements(std::string_view field, int number,
                           std::string_view bytes, size_t count_max) {
  return Decoder::CheckCount(field, CountElements(bytes, number), count_max);
}

// The stamp that the client held before its first attempt, where it sent one.
absl::StatusOr<std::optional<LedgerStamp>> SentStamp(const Call& call) {
  const std::optional<std::string_view> text = call.FindMetadata(kStampName);
  if (!text.has_value() || *text == kStampQuestion) return std::nullopt;
  const std::optional<LedgerStamp> stamp = LedgerStamp::Parse(*text);
  if (!stamp.has_value()) {
    return MakeInvalidArgument(ErrorReason::kInvalidField, kStampName,
                               "is not a stamp that this server gave out");
  }
  return stamp;
}

}  // namespace

CacheService::CacheService(Store& store, const Clock& clock,
                           const ServiceOptions& options, WorkerPool* bulk,
                           Executor* wakes)
    : store_(store),
      clock_(clock),
      options_(options),
      decoder_(options, clock),
      access_(options.rules),
      bulk_(bulk),
      wakes_(wakes) {}

void CacheService::Add(MethodTable& methods, std::string_view name,
                       const Way& way, OperationLists lists) {
  if (bulk_ == nullptr || lists.size() == 0) {
    methods.AddUnary(MethodPath(name),
                     [this, way](Call& call, std::string_view bytes) {
                       Run(call, way, bytes);
                     });
    return;
  }
  methods.AddUnary(MethodPath(name), [this, way, lists = std::vector(lists)](
                                         Call& call, std::string_view bytes) {
    const size_t operations_max =
        way.kind == Kind::kRead ? kPointReadsMax : kPointWritesMax;
    if (IsForBulkLane(bytes, lists, operations_max)) {
      RunInBulk(call, way, bytes);
    } else {
      Run(call, way, bytes);
    }
  });
}

void CacheService::Run(Call& call, const Way& way, std::string_view bytes) {
  if (options_.test_service_time > 0) Burn(options_.test_service_time);
  if (way.hot != nullptr && (this->*way.hot)(call, bytes)) return;
  Context context = {.call = call};
  const Answer answer = (this->*way.handler)(bytes, context);
  if (answer.ok() && *answer == nullptr) return;
  Finish(context, way.kind, answer);
}

void CacheService::RunInBulk(Call& call, const Way& way,
                             std::string_view bytes) {
  const auto refuse = [this, &call, way](const absl::Status& error) {
    AddPushback(*bulk_, error, call);
    Context context = {.call = call};
    Finish(context, way.kind, error);
  };
  const absl::Status queued =
      SubmitToLane(*bulk_, call,
                   [this, &call, way, bytes, refuse](const absl::Status& fate) {
                     if (fate.ok()) {
                       Run(call, way, bytes);
                     } else {
                       refuse(fate);
                     }
                   });
  if (!queued.ok()) refuse(queued);
}

void CacheService::Finish(Context& context, Kind kind,
                          const Answer& answer) const {
  Call& call = context.call;
  if (context.keyed || AsksForStamp(call)) {
    call.AddTrailer(kStampName, store_.CurrentStamp().ToText());
  }
  if (answer.ok()) {
    call.Reply(**answer);
  } else {
    call.Fail(kind == Kind::kWrite ? NotApplied(answer.status())
                                   : answer.status());
  }
}

void CacheService::Register(MethodTable& methods) {
  constexpr Kind kRead = Kind::kRead;
  constexpr Kind kWrite = Kind::kWrite;
  using Service = CacheService;
  Add(methods, "Get", {kRead, &Service::Get, &Service::HotGet});
  Add(methods, "BatchGet", {kRead, &Service::BatchGet, &Service::HotBatchGet},
      {v1::BatchGetRequest::kKeysFieldNumber});
  Add(methods, "Put",
      {kWrite, &Service::WriteOne<v1::PutRequest, v1::PutResponse>,
       &Service::HotPut});
  Add(methods, "BatchPut",
      {kWrite, &Service::WriteBatch<v1::BatchPutRequest, v1::BatchPutResponse>},
      {kListNumber});
  Add(methods, "Delete",
      {kWrite, &Service::WriteOne<v1::DeleteRequest, v1::DeleteResponse>});
  Add(methods, "BatchDelete",
      {kWrite,
       &Service::WriteBatch<v1::BatchDeleteRequest, v1::BatchDeleteResponse>},
      {kListNumber});
  Add(methods, "Increment",
      {kWrite,
       &Service::WriteOne<v1::IncrementRequest, v1::IncrementResponse>});
  Add(methods, "Touch",
      {kWrite, &Service::WriteOne<v1::TouchRequest, v1::TouchResponse>});
  Add(methods, "Move",
      {kWrite, &Service::WriteOne<v1::MoveRequest, v1::MoveResponse>});
  Add(methods, "Transfer",
      {kWrite, &Service::WriteOne<v1::TransferRequest, v1::TransferResponse>});
  Add(methods, "Transact", {kWrite, &Service::Transact},
      {v1::TransactRequest::kComparesFieldNumber,
       v1::TransactRequest::kOnSuccessFieldNumber,
       v1::TransactRequest::kOnFailureFieldNumber});
  Add(methods, "GetOutcome", {kRead, &Service::GetOutcome});
  methods.AddStream(MethodPath("Scan"), [this](Call& call) {
    return std::make_unique<ScanHandler>(store_, clock_, decoder_, access_,
                                         bulk_, call);
  });
}

absl::Status CacheService::CheckBeforeEncode(DeadlineToken token) const {
  ReachSyncPoint(SyncPoint::kBeforeEncode);
  const EndReason end = token.Check(clock_.Now());
  if (end == EndReason::kNone) return absl::OkStatus();
  return EndedError(end, DeadlineStage::kBeforeCommit);
}

CacheService::Answer CacheService::Get(std::string_view bytes,
                                       Context& context) {
  const auto request = ParseRequest<v1::GetRequest>(bytes, context.arena);
  if (!request.ok()) return request.status();
  if ((*request)->has_touch() && !(*request)->has_lease()) {
    Answer answer =
        WriteParsed<v1::GetRequest, v1::GetResponse>(**request, context);
    return answer.ok() ? answer : NotApplied(answer.status());
  }
  Operation operation;
  absl::Status status = decoder_.Decode(**request, &operation);
  status.Update(CheckStandalone(RequestFieldsOf(**request)));
  if (!status.ok()) return status;
  const auto& get = std::get<GetOperation>(operation);
  status = access_.Check(context.call, Verb::kRead, get.key);
  // A lease is granted to write, and voids others'.
  if (status.ok() && (*request)->has_lease()) {
    status = access_.Check(context.call, Verb::kWrite, get.key);
  }
  if (status.ok()) status = TakeOperations(context.call, 1, clock_);
  if (!status.ok()) return status;
  if ((*request)->has_lease()) return GetOrLease(**request, get, context);
  const auto result = store_.Get(get, context.call.token());
  if (!result.ok()) return result.status();
  auto* response = context.arena.Make<v1::GetResponse>();
  Encode(*result, response);
  return response;
}

CacheService::Answer CacheService::GetOrLease(const v1::GetRequest& request,
                                              const GetOperation& get,
                                              Context& context) {
  Call& call = context.call;
  const LeaseDemand demand = DecodeLease(request.lease());
  auto answer = store_.GetOrLease(get, demand, nullptr, call.token());
  if (answer.ok() && answer->held_by_other && demand.wait) {
    const auto done = [this, &call, ttl = demand.ttl](
                          const absl::StatusOr<LeasedGet>& later) {
      Context at_end = {.call = call};
      if (later.ok()) {
        auto* response = at_end.arena.Make<v1::GetResponse>();
        Encode(*later, ttl, store_, response);
        Finish(at_end, Kind::kRead, response);
      } else {
        Finish(at_end, Kind::kRead, later.status());
      }
    };
    answer = LeaseWait::Start(store_, clock_, wakes_, call, get, demand, done);
    if (answer.ok() && answer->waits) return nullptr;
  }
  if (!answer.ok()) {
    if (IsOverloaded(answer.status())) AddPushback(call, kPushback);
    return answer.status();
  }
  auto* response = context.arena.Make<v1::GetResponse>();
  Encode(*answer, demand.ttl, store_, response);
  return response;
}

CacheService::Answer CacheService::BatchGet(std::string_view bytes,
                                            Context& context) {
  absl::Status status =
      CheckElements("keys", v1::BatchGetRequest::kKeysFieldNumber, bytes,
                    options_.batch_get_keys_max);
  if (!status.ok()) return status;
  const auto request = ParseRequest<v1::BatchGetRequest>(bytes, context.arena);
  if (!request.ok()) return request.status();
  std::vector<std::string_view> keys;
  status = decoder_.Decode(**request, &keys);
  if (status.ok()) status = access_.Check(context.call, Verb::kRead, keys);
  if (status.ok()) status = TakeOperations(context.call, keys.size(), clock_);
  if (!status.ok()) return status;
  auto* response = context.arena.Make<v1::BatchGetResponse>();
  if (keys.empty()) return response;
  const DeadlineToken token = context.call.token();
  const auto result = (*request)->atomic() ? store_.BatchGetAtomic(keys, token)
                      : keys.size() > kPointReadsMax && bulk_ != nullptr
                          ? ReadInParts(keys, token)
                          : store_.BatchGet(keys, token);
  if (!result.ok()) return result.status();
  status = CheckBeforeEncode(token);
  if (!status.ok()) return status;
  Encode(*result, response);
  return response;
}

absl::StatusOr<BatchGetResult> CacheService::ReadInParts(
    std::span<const std::string_view> keys, DeadlineToken token) {
  const auto threads = static_cast<size_t>(bulk_->threads());
  absl::StatusOr<BatchRead> read = store_.PlanBatchGet(keys, threads, token);
  if (!read.ok()) return read.status();
  TaskScope scope(token, *bulk_, clock_);
  for (size_t part = 0; part < read->parts(); ++part) {
    scope.Start([&read, part](DeadlineToken child) {
      return read->ReadPart(part, child);
    });
  }
  if (absl::Status s = scope.Join(); !s.ok()) return s;
  return read->TakeResult();
}

template <typename Request, typename Response>
CacheService::Answer CacheService::WriteOne(std::string_view bytes,
                                            Context& context) {
  const auto request = ParseRequest<Request>(bytes, context.arena);
  if (!request.ok()) return request.status();
  return WriteParsed<Request, Response>(**request, context);
}

template <typename Request, typename Response>
CacheService::Answer CacheService::WriteParsed(Request& request,
                                               Context& context) {
  Operation operation;
  absl::Status status = decoder_.Decode(request, &operation);
  status.Update(CheckStandalone(RequestFieldsOf(request)));
  if (!status.ok()) return status;
  if constexpr (std::is_same_v<Request, v1::PutRequest>) {
    if (!request.lease_token().empty()) {
      std::get<PutOperation>(operation).lease =
          store_.ParseLeaseToken(request.lease_token());
    }
  }
  const auto result = Write(request, {.on_success = {&operation, 1}}, context);
  if (!result.ok()) return result.status();
  auto* response = context.arena.Make<Response>();
  Encode(result->results[0], result->version, response);
  return response;
}

template <typename Request, typename Response>
CacheService::Answer CacheService::WriteBatch(std::string_view bytes,
                                              Context& context) {
  constexpr std::string_view kField = kListName<Request>;
  absl::Status status =
      CheckElements(kField, kListNumber, bytes, options_.operations_max);
  if (!status.ok()) return status;
  const auto request = ParseRequest<Request>(bytes, context.arena);
  if (!request.ok()) return request.status();
  std::vector<Operation> operations;
  status = decoder_.Decode(**request, &operations);
  status.Update(CheckStandalone(RequestFieldsOf(**request)));
  if (!status.ok()) return status;
  auto* response = context.arena.Make<Response>();
  const auto result = Write(**request,
                            {.form = Transaction::Form::kBatch,
                             .batch_field = kField,
                             .on_success = operations},
                            context);
  if (!result.ok()) return result.status();
  Encode(*result, response);
  return response;
}

CacheService::Answer CacheService::Transact(std::string_view bytes,
                                            Context& context) {
  using Request = v1::TransactRequest;
  const size_t count_max = options_.operations_max;
  absl::Status status = CheckElements("compares", Request::kComparesFieldNumber,
                                      bytes, count_max);
  status.Update(CheckElements("on_success", Request::kOnSuccessFieldNumber,
                              bytes, count_max));
  status.Update(CheckElements("on_failure", Request::kOnFailureFieldNumber,
                              bytes, count_max));
  if (!status.ok()) return status;
  const auto request = ParseRequest<Request>(bytes, context.arena);
  if (!request.ok()) return request.status();
  DecodedTransaction decoded;
  status = decoder_.Decode(**request, &decoded);
  status.Update(CheckStandalone(RequestFieldsOf(**request)));
  if (!status.ok()) return status;
  const auto result = Write(**request,
                            {.form = Transaction::Form::kTransact,
                             .compares = decoded.compares,
                             .on_success = decoded.on_success,
                             .on_failure = decoded.on_failure},
                            context);
  if (!result.ok()) return result.status();
  auto* response = context.arena.Make<v1::TransactResponse>();
  Encode(*result, response);
  return response;
}

template <typename Request>
absl::StatusOr<TransactionResult> CacheService::Write(Request& request,
                                                      Transaction transaction,
                                                      Context& context) {
  Call& call = context.call;
  transaction.account = call.account();
  absl::Status status = access_.Check(call, transaction);
  if (status.ok()) {
    status = TakeOperations(call, OperationsOf(transaction), clock_);
  }
  if (!status.ok()) return status;
  if constexpr (std::is_same_v<Request, v1::GetRequest>) {
    return store_.Write(transaction, call.token());
  } else {
    const std::string key = std::move(*request.mutable_idempotency_key());
    if (key.empty()) return store_.Write(transaction, call.token());
    context.keyed = true;
    request.clear_idempotency_key();
    const auto stamp = SentStamp(call);
    if (!stamp.ok()) return stamp.status();
    IdempotentAnswer answer = store_.WriteOnce(
        transaction,
        {.scope = {.principal = call.principal(), .key = key},
         .fingerprint = store_.FingerprintOf(CanonicalText(request)),
         .method = kWriteMethod<Request>,
         .stamp = *stamp},
        call.token());
    if (answer.replayed) call.AddTrailer(kReplayedName, "1");
    if (MutantActive(Mutant::kCancelledButApplied) && !answer.replayed) {
      const EndReason end = call.token().Check(0);
      if (end != EndReason::kNone) {
        return EndedError(end, DeadlineStage::kBeforeCommit);
      }
    }
    return std::move(answer.outcome);
  }
}

CacheService::Answer CacheService::GetOutcome(std::string_view bytes,
                                              Context& context) {
  const auto request =
      ParseRequest<v1::GetOutcomeRequest>(bytes, context.arena);
  if (!request.ok()) return request.status();
  const std::string& key = (*request)->idempotency_key();
  absl::Status status = CheckIdempotencyKey(key);
  if (status.ok()) status = access_.CheckMayWrite(context.call);
  if (status.ok()) status = TakeOperations(context.call, 1, clock_);
  if (!status.ok()) return status;
  const auto stamp = SentStamp(context.call);
  if (!stamp.ok()) return stamp.status();
  const auto recorded = store_.GetOutcome(
      {.scope = {.principal = context.call.principal(), .key = key},
       .account = context.call.account(),
       .stamp = *stamp,
       .fence = (*request)->fence()},
      context.call.token());
  if (!recorded.ok()) return recorded.status();
  auto* response = context.arena.Make<v1::GetOutcomeResponse>();
  EncodeOutcome(*recorded, response);
  return response;
}

}  // namespace latchkey
