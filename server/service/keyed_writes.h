// What the service adds to the ledger of the store: which RPC a record is of,
// and what makes two requests copies of one write.
//
// Thread safety: free functions, no shared state.

#ifndef LATCHKEY_SERVER_SERVICE_KEYED_WRITES_H_
#define LATCHKEY_SERVER_SERVICE_KEYED_WRITES_H_

#include <string>
#include <string_view>

#include "latchkey/v1/cache.pb.h"
#include "server/rpc/call.h"
#include "server/store/idempotency.h"

namespace latchkey {

// Metadata of keyed writes and of calls that ask for a stamp, and the question.
inline constexpr std::string_view kStampName = "latchkey-stamp";
inline constexpr std::string_view kStampQuestion = "?";

// Whether the call asks for one.
inline bool AsksForStamp(const Call& call) {
  return call.FindMetadata(kStampName) == kStampQuestion;
}

// The method of a request.
template <typename Request>
inline constexpr WriteMethod kWriteMethod = Request::kNotAKeyedWrite;
template <>
inline constexpr WriteMethod kWriteMethod<v1::PutRequest> = WriteMethod::kPut;
template <>
inline constexpr WriteMethod kWriteMethod<v1::BatchPutRequest> =
    WriteMethod::kBatchPut;
template <>
inline constexpr WriteMethod kWriteMethod<v1::DeleteRequest> =
    WriteMethod::kDelete;
template <>
inline constexpr WriteMethod kWriteMethod<v1::BatchDeleteRequest> =
    WriteMethod::kBatchDelete;
template <>
inline constexpr WriteMethod kWriteMethod<v1::IncrementRequest> =
    WriteMethod::kIncrement;
template <>
inline constexpr WriteMethod kWriteMethod<v1::TouchRequest> =
    WriteMethod::kTouch;
template <>
inline constexpr WriteMethod kWriteMethod<v1::MoveRequest> = WriteMethod::kMove;
template <>
inline constexpr WriteMethod kWriteMethod<v1::TransferRequest> =
    WriteMethod::kTransfer;
template <>
inline constexpr WriteMethod kWriteMethod<v1::TransactRequest> =
    WriteMethod::kTransact;

// The method and the known fields of a request, in an order of our own: the
// same for all copies, whatever order and defaults their clients encode.  Drops
// fields that this release does not know.
//
// REQUIRES: the idempotency key was taken out.
template <typename Request>
std::string CanonicalText(Request& request) {
  request.DiscardUnknownFields();
  std::string text(1, static_cast<char>(kWriteMethod<Request>));
  request.AppendToString(&text);
  return text;
}

// Tells `recorded` as GetOutcome does, the response as it was first sent.
//
// REQUIRES: `response` is empty.
void EncodeOutcome(const RecordedOutcome& recorded,
                   v1::GetOutcomeResponse* response);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SERVICE_KEYED_WRITES_H_
