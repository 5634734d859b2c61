#include "tests/stress/late_copies.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "client/lib/call_error.h"
#include "latchkey/v1/cache.pb.h"

namespace latchkey::stress {
namespace {

using verify::Method;

constexpr char kLateCopyApplied[] = "late-copy-applied";
constexpr char kLateCopyNotRefused[] = "late-copy-not-refused";

// The keys that a write would leave an entry under.
std::vector<std::string> KeysOf(Method method, const std::string& bytes) {
  v1::IncrementRequest increment;
  v1::TransactRequest transact;
  v1::PutRequest put;
  std::vector<std::string> keys;
  if (method == Method::kIncrement && increment.ParseFromString(bytes)) {
    keys.push_back(increment.key());
  } else if (method == Method::kPut && put.ParseFromString(bytes)) {
    keys.push_back(put.key());
  } else if (method == Method::kTransact && transact.ParseFromString(bytes)) {
    for (const v1::Operation& operation : transact.on_success()) {
      keys.push_back(operation.has_put() ? operation.put().key()
                                         : operation.increment().key());
    }
  }
  return keys;
}

}  // namespace

void LateCopies::Keep(Method method, std::string request) {
  if (writes_.size() < kCopiesMax) {
    writes_.push_back({method, std::move(request)});
  }
}

uint64_t LateCopies::SendTo(Life& next, const std::string& stamp,
                            verify::Violations* violations) {
  uint64_t refused = 0;
  for (const Write& write : writes_) {
    std::string response;
    const client::CallError error = client::DecodeCallError(
        next.Send(write.method, write.request, stamp, &response));
    if (error.reason == "INCARNATION_CHANGED") {
      ++refused;
    } else {
      violations->Add(
          kLateCopyNotRefused,
          absl::StrCat(std::string(verify::MethodName(write.method)),
                       " of an earlier life was answered ", error.code_name,
                       " ", error.reason));
    }
  }
  for (const Write& write : writes_) {
    for (const std::string& key : KeysOf(write.method, write.request)) {
      v1::GetRequest get;
      get.set_key(key);
      std::string bytes;
      v1::GetResponse response;
      const grpc::Status status =
          next.Send(Method::kGet, get.SerializeAsString(), "", &bytes);
      if (!status.ok() || !response.ParseFromString(bytes)) {
        violations->Add(kLateCopyNotRefused,
                        absl::StrCat(key, " cannot be read"));
      } else if (response.has_entry()) {
        violations->Add(kLateCopyApplied,
                        absl::StrCat(key, " is there in life ", next.number(),
                                     ": ", response.entry().value()));
      }
    }
  }
  writes_.clear();
  return refused;
}

}  // namespace latchkey::stress
