// The messages of each method, as types and as objects that are used again and
// again, so that taking a history apart allocates nothing for most events.
//
// Thread safety: an EventMessages belongs to one thread.

#ifndef LATCHKEY_CLIENT_VERIFY_MESSAGES_H_
#define LATCHKEY_CLIENT_VERIFY_MESSAGES_H_

#include <cstdint>
#include <string_view>
#include <tuple>

#include "client/verify/history.h"
#include "client/verify/method.h"
#include "latchkey/v1/cache.pb.h"

namespace latchkey::verify {

template <typename RequestType, typename ResponseType>
struct MethodTypes {
  using Request = RequestType;
  using Response = ResponseType;
};

// Calls `visit` with the MethodTypes of `method`.
template <typename Visitor>
auto VisitMethod(Method method, Visitor visit) {
  switch (method) {
    case Method::kGet:
      return visit(MethodTypes<v1::GetRequest, v1::GetResponse>());
    case Method::kBatchGet:
      return visit(MethodTypes<v1::BatchGetRequest, v1::BatchGetResponse>());
    case Method::kPut:
      return visit(MethodTypes<v1::PutRequest, v1::PutResponse>());
    case Method::kBatchPut:
      return visit(MethodTypes<v1::BatchPutRequest, v1::BatchPutResponse>());
    case Method::kDelete:
      return visit(MethodTypes<v1::DeleteRequest, v1::DeleteResponse>());
    case Method::kBatchDelete:
      return visit(
          MethodTypes<v1::BatchDeleteRequest, v1::BatchDeleteResponse>());
    case Method::kIncrement:
      return visit(MethodTypes<v1::IncrementRequest, v1::IncrementResponse>());
    case Method::kTouch:
      return visit(MethodTypes<v1::TouchRequest, v1::TouchResponse>());
    case Method::kMove:
      return visit(MethodTypes<v1::MoveRequest, v1::MoveResponse>());
    case Method::kTransfer:
      return visit(MethodTypes<v1::TransferRequest, v1::TransferResponse>());
    case Method::kTransact:
      return visit(MethodTypes<v1::TransactRequest, v1::TransactResponse>());
    case Method::kGetOutcome:
      break;
  }
  return visit(MethodTypes<v1::GetOutcomeRequest, v1::GetOutcomeResponse>());
}

inline bool ParseMessage(std::string_view bytes,
                         google::protobuf::MessageLite* message) {
  return message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

// Request and answer of one event.
class EventMessages {
 public:
  // False where either is no message of its type.  An event without an answer
  // has the default one.
  bool Parse(const HistoryEvent& event) {
    return VisitMethod(event.method, [&]<typename Types>(Types) {
      auto& response = Get<typename Types::Response>();
      response.Clear();
      return ParseMessage(event.request, &Get<typename Types::Request>()) &&
             (event.outcome != EventOutcome::kOk ||
              ParseMessage(event.response, &response));
    });
  }

  // As the last Parse() left it.
  template <typename Message>
  Message& Get() {
    return std::get<Message>(messages_);
  }
  template <typename Message>
  const Message& Get() const {
    return std::get<Message>(messages_);
  }

 private:
  std::tuple<v1::GetRequest, v1::GetResponse, v1::BatchGetRequest,
             v1::BatchGetResponse, v1::PutRequest, v1::PutResponse,
             v1::BatchPutRequest, v1::BatchPutResponse, v1::DeleteRequest,
             v1::DeleteResponse, v1::BatchDeleteRequest,
             v1::BatchDeleteResponse, v1::IncrementRequest,
             v1::IncrementResponse, v1::TouchRequest, v1::TouchResponse,
             v1::MoveRequest, v1::MoveResponse, v1::TransferRequest,
             v1::TransferResponse, v1::TransactRequest, v1::TransactResponse,
             v1::GetOutcomeRequest, v1::GetOutcomeResponse>
      messages_;
};

// The version of the commit that an answer tells of; 0 where there was none.
template <typename Response>
uint64_t CommitVersion(const Response& response) {
  if constexpr (requires { response.version(); }) {
    return response.version();
  } else if constexpr (requires { response.results(0).version(); }) {
    // All commits of a batch are one; what was missing has none.
    for (const auto& result : response.results()) {
      if (result.version() != 0) return result.version();
    }
  }
  return 0;
}

}  // namespace latchkey::verify

#endif  // LATCHKEY_CLIENT_VERIFY_MESSAGES_H_
