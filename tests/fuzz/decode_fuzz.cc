// Any bytes that protobuf takes for a request are decoded or refused, and what
// is decoded is within the limits.
//
// The first byte of the input chooses the request.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "latchkey/v1/cache.pb.h"
#include "server/base/check.h"
#include "server/base/clock.h"
#include "server/service/decode.h"

namespace latchkey {
namespace {

class StoppedClock final : public Clock {
 public:
  UnixNanos Now() const override { return 1'700'000'000 * kNanosPerSecond; }
};

template <typename Request, typename Out>
void DecodeAs(std::string_view bytes) {
  static const StoppedClock clock;
  static const Decoder decoder(ServiceOptions{}, clock);
  Request request;
  if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return;
  }
  Out out;
  const absl::Status status = decoder.Decode(request, &out);
  LATCHKEY_CHECK(status.ok() || absl::IsInvalidArgument(status),
                 "a bad request is an invalid argument");
}

}  // namespace
}  // namespace latchkey

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace latchkey;  // NOLINT: of a file with one function
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1,
                               size - 1);
  switch (data[0] % 11) {
    case 0:
      DecodeAs<v1::GetRequest, Operation>(bytes);
      break;
    case 1:
      DecodeAs<v1::PutRequest, Operation>(bytes);
      break;
    case 2:
      DecodeAs<v1::DeleteRequest, Operation>(bytes);
      break;
    case 3:
      DecodeAs<v1::IncrementRequest, Operation>(bytes);
      break;
    case 4:
      DecodeAs<v1::TouchRequest, Operation>(bytes);
      break;
    case 5:
      DecodeAs<v1::MoveRequest, Operation>(bytes);
      break;
    case 6:
      DecodeAs<v1::TransferRequest, Operation>(bytes);
      break;
    case 7:
      DecodeAs<v1::BatchGetRequest, std::vector<std::string_view>>(bytes);
      break;
    case 8:
      DecodeAs<v1::BatchPutRequest, std::vector<Operation>>(bytes);
      break;
    case 9:
      DecodeAs<v1::BatchDeleteRequest, std::vector<Operation>>(bytes);
      break;
    default:
      DecodeAs<v1::TransactRequest, DecodedTransaction>(bytes);
      break;
  }
  return 0;
}
