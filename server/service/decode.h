// Decoder turns the messages of cache.proto into operations of the store, and
// refuses everything that can be refused without looking at the data.
//
// An error is INVALID_ARGUMENT with a reason of errors.proto and the path of
// the field ("key", "puts[3].expiration.ttl", "on_success[2].put.value");
// inside a list it also carries metadata `index`, the position in that list. Of
// several bad fields the first one is named.
//
// What depends on the data or on the moment of the commit is the store's to
// judge; an expire_time in the past is of that kind.
//
// Lifetime: what is decoded refers to the message it was decoded from.
//
// Thread safety: all methods are const and may be called from any thread.
//
// Example:
//   Operation operation;
//   absl::Status status = decoder.Decode(put_request, &operation);

#ifndef LATCHKEY_SERVER_SERVICE_DECODE_H_
#define LATCHKEY_SERVER_SERVICE_DECODE_H_

#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "latchkey/v1/cache.pb.h"
#include "server/base/clock.h"
#include "server/service/options.h"
#include "server/store/operations.h"

namespace latchkey {

struct DecodedTransaction {
  std::vector<Compare> compares;
  std::vector<Operation> on_success;
  std::vector<Operation> on_failure;
};

class Decoder {
 public:
  // `clock` must outlive the decoder.
  Decoder(const ServiceOptions& options, const Clock& clock)
      : options_(options), clock_(clock) {}

  // One operation.  Its RequestFields are the caller's to check.
  absl::Status Decode(const v1::GetRequest& request, Operation* out) const;
  absl::Status Decode(const v1::PutRequest& request, Operation* out) const;
  absl::Status Decode(const v1::DeleteRequest& request, Operation* out) const;
  absl::Status Decode(const v1::IncrementRequest& request,
                      Operation* out) const;
  absl::Status Decode(const v1::TouchRequest& request, Operation* out) const;
  absl::Status Decode(const v1::MoveRequest& request, Operation* out) const;
  absl::Status Decode(const v1::TransferRequest& request, Operation* out) const;

  // Lists.  The RequestFields of their elements must be unset; those of the
  // request itself are the caller's to check.
  absl::Status Decode(const v1::BatchGetRequest& request,
                      std::vector<std::string_view>* out) const;
  absl::Status Decode(const v1::BatchPutRequest& request,
                      std::vector<Operation>* out) const;
  absl::Status Decode(const v1::BatchDeleteRequest& request,
                      std::vector<Operation>* out) const;
  absl::Status Decode(const v1::TransactRequest& request,
                      DecodedTransaction* out) const;

  absl::Status Check(const v1::ScanRequest& request) const;

  // TOO_MANY_OPERATIONS where `count` elements of `field` are more than
  // `count_max`.
  static absl::Status CheckCount(std::string_view field, size_t count,
                                 size_t count_max);

 private:
  absl::Status CheckKey(std::string_view field, std::string_view key) const;
  absl::Status CheckValue(std::string_view field, std::string_view value) const;
  absl::Status DecodeExpiration(std::string_view field,
                                const v1::Expiration& expiration,
                                Expiration* out) const;
  absl::Status DecodePrecondition(std::string_view field,
                                  const v1::Precondition& precondition,
                                  Precondition* out) const;
  absl::Status DecodeCompare(const v1::Compare& compare, Compare* out) const;
  absl::Status DecodeStep(const v1::Operation& operation, Operation* out) const;

  // An element of a batch or transaction.
  template <typename Request>
  absl::Status DecodeMember(const Request& request, Operation* out) const;

  // The elements of a batch; each key may come once.
  template <typename Request>
  absl::Status DecodeBatch(
      std::string_view field,
      const google::protobuf::RepeatedPtrField<Request>& elements,
      std::vector<Operation>* out) const;

  absl::Status DecodeSteps(
      std::string_view field,
      const google::protobuf::RepeatedPtrField<v1::Operation>& steps,
      std::vector<Operation>* out) const;

  const ServiceOptions options_;
  const Clock& clock_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SERVICE_DECODE_H_
