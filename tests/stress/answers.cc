#include "tests/stress/answers.h"

#include <algorithm>

#include "latchkey/v1/cache.pb.h"

namespace latchkey::stress {
namespace {

using verify::Method;

template <typename Response>
Response Parse(std::string_view bytes) {
  Response response;
  // What does not parse is the checkers' to report; here it names no version.
  if (!response.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    response.Clear();
  }
  return response;
}

template <typename Response>
uint64_t VersionIn(std::string_view bytes) {
  return Parse<Response>(bytes).version();
}

// Of a batch, whose parts have one version, or 0 where they changed nothing.
template <typename Response>
uint64_t GreatestVersionIn(std::string_view bytes) {
  uint64_t version = 0;
  const auto response = Parse<Response>(bytes);
  for (const auto& result : response.results()) {
    version = std::max(version, result.version());
  }
  return version;
}

}  // namespace

uint64_t CommitVersion(Method method, std::string_view response) {
  switch (method) {
    case Method::kPut:
      return VersionIn<v1::PutResponse>(response);
    case Method::kBatchPut:
      return GreatestVersionIn<v1::BatchPutResponse>(response);
    case Method::kDelete:
      return VersionIn<v1::DeleteResponse>(response);
    case Method::kBatchDelete:
      return GreatestVersionIn<v1::BatchDeleteResponse>(response);
    case Method::kIncrement:
      return VersionIn<v1::IncrementResponse>(response);
    case Method::kTouch:
      return VersionIn<v1::TouchResponse>(response);
    case Method::kMove:
      return VersionIn<v1::MoveResponse>(response);
    case Method::kTransfer:
      return VersionIn<v1::TransferResponse>(response);
    case Method::kTransact:
      return VersionIn<v1::TransactResponse>(response);
    case Method::kGet:
    case Method::kBatchGet:
    case Method::kGetOutcome:
      return 0;
  }
  return 0;
}

std::optional<uint64_t> VersionReached(Method method,
                                       std::string_view response) {
  uint64_t version = CommitVersion(method, response);
  if (method == Method::kGet) {
    version = Parse<v1::GetResponse>(response).entry().version();
  } else if (method == Method::kBatchGet) {
    version = Parse<v1::BatchGetResponse>(response).snapshot_version();
  }
  if (version == 0) return std::nullopt;
  return version;
}

}  // namespace latchkey::stress
