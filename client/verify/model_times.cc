// ForgetTimes() of model.h.

#include "client/verify/model.h"

namespace latchkey::verify {
namespace {

template <typename Message>
void ForgetTime(Message* message) {
  if (!message->has_expire_time()) return;
  message->mutable_expire_time()->set_seconds(kSomeTime);
  message->mutable_expire_time()->set_nanos(0);
}

template <typename Message>
void ForgetTimesOfPrevious(Message* message) {
  if (message->has_previous()) ForgetTime(message->mutable_previous());
}

template <typename Batch>
void ForgetTimesOfResults(Batch* batch) {
  for (auto& result : *batch->mutable_results()) ForgetTimes(&result);
}

void ForgetTimesOfStep(v1::OperationResult* result) {
  switch (result->kind_case()) {
    case v1::OperationResult::kGet:
      return ForgetTimes(result->mutable_get());
    case v1::OperationResult::kPut:
      return ForgetTimes(result->mutable_put());
    case v1::OperationResult::kDelete:
      return ForgetTimes(result->mutable_delete_());
    case v1::OperationResult::kTouch:
      return ForgetTimes(result->mutable_touch());
    case v1::OperationResult::kMove:
      return ForgetTimes(result->mutable_move());
    default:
      return;
  }
}

}  // namespace

void ForgetTimes(v1::GetResponse* response) {
  ForgetTime(response);
  if (response->has_entry()) ForgetTime(response->mutable_entry());
}

void ForgetTimes(v1::BatchGetResponse* response) {
  ForgetTimesOfResults(response);
}

void ForgetTimes(v1::PutResponse* response) {
  ForgetTime(response);
  ForgetTimesOfPrevious(response);
}

void ForgetTimes(v1::BatchPutResponse* response) {
  ForgetTimesOfResults(response);
}

void ForgetTimes(v1::DeleteResponse* response) {
  ForgetTimesOfPrevious(response);
}

void ForgetTimes(v1::BatchDeleteResponse* response) {
  ForgetTimesOfResults(response);
}

void ForgetTimes(v1::IncrementResponse* /*response*/) {}

void ForgetTimes(v1::TouchResponse* response) { ForgetTime(response); }

void ForgetTimes(v1::MoveResponse* response) { ForgetTime(response); }

void ForgetTimes(v1::TransferResponse* /*response*/) {}

void ForgetTimes(v1::TransactResponse* response) {
  for (auto& result : *response->mutable_results()) {
    ForgetTimesOfStep(&result);
  }
}

}  // namespace latchkey::verify
