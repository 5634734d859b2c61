#include "server/service/keyed_writes.h"

#include "absl/status/statusor.h"
#include "server/base/check.h"
#include "server/service/encode.h"
#include "server/service/time_conversion.h"

namespace latchkey {
namespace {

const char* MethodPath(WriteMethod method) {
  switch (method) {
    case WriteMethod::kPut:
      return "/latchkey.v1.Cache/Put";
    case WriteMethod::kBatchPut:
      return "/latchkey.v1.Cache/BatchPut";
    case WriteMethod::kDelete:
      return "/latchkey.v1.Cache/Delete";
    case WriteMethod::kBatchDelete:
      return "/latchkey.v1.Cache/BatchDelete";
    case WriteMethod::kIncrement:
      return "/latchkey.v1.Cache/Increment";
    case WriteMethod::kTouch:
      return "/latchkey.v1.Cache/Touch";
    case WriteMethod::kMove:
      return "/latchkey.v1.Cache/Move";
    case WriteMethod::kTransfer:
      return "/latchkey.v1.Cache/Transfer";
    case WriteMethod::kTransact:
      return "/latchkey.v1.Cache/Transact";
  }
  LATCHKEY_CHECK(false, "a method is one of its values");
}

template <typename Response>
std::string OneResponse(const TransactionResult& result) {
  Response response;
  Encode(result.results[0], result.version, &response);
  return response.SerializeAsString();
}

template <typename Response>
std::string WholeResponse(const TransactionResult& result) {
  Response response;
  Encode(result, &response);
  return response.SerializeAsString();
}

std::string SerializedResponse(WriteMethod method,
                               const TransactionResult& result) {
  switch (method) {
    case WriteMethod::kPut:
      return OneResponse<v1::PutResponse>(result);
    case WriteMethod::kBatchPut:
      return WholeResponse<v1::BatchPutResponse>(result);
    case WriteMethod::kDelete:
      return OneResponse<v1::DeleteResponse>(result);
    case WriteMethod::kBatchDelete:
      return WholeResponse<v1::BatchDeleteResponse>(result);
    case WriteMethod::kIncrement:
      return OneResponse<v1::IncrementResponse>(result);
    case WriteMethod::kTouch:
      return OneResponse<v1::TouchResponse>(result);
    case WriteMethod::kMove:
      return OneResponse<v1::MoveResponse>(result);
    case WriteMethod::kTransfer:
      return OneResponse<v1::TransferResponse>(result);
    case WriteMethod::kTransact:
      return WholeResponse<v1::TransactResponse>(result);
  }
  LATCHKEY_CHECK(false, "a method is one of its values");
}

}  // namespace

void EncodeOutcome(const RecordedOutcome& recorded,
                   v1::GetOutcomeResponse* response) {
  switch (recorded.state) {
    case RecordedOutcome::State::kUnknown:
      return;
    case RecordedOutcome::State::kNotApplied:
      response->set_state(v1::GetOutcomeResponse::NOT_APPLIED);
      return;
    case RecordedOutcome::State::kDone:
      break;
  }
  response->set_state(v1::GetOutcomeResponse::DONE);
  response->set_method(MethodPath(recorded.method));
  ToTimestamp(recorded.complete_time, response->mutable_complete_time());
  if (recorded.outcome.ok()) {
    response->set_response(
        SerializedResponse(recorded.method, *recorded.outcome));
  } else {
    const absl::Status& error = recorded.outcome.status();
    response->set_code(static_cast<int>(error.code()));
    response->set_message(std::string(error.message()));
  }
}

}  // namespace latchkey
