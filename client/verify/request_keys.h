// Which keys a request is about.
//
// Thread safety: a free function, no shared state.

#ifndef LATCHKEY_CLIENT_VERIFY_REQUEST_KEYS_H_
#define LATCHKEY_CLIENT_VERIFY_REQUEST_KEYS_H_

#include <string_view>
#include <vector>

#include "latchkey/v1/cache.pb.h"

namespace latchkey::verify {

using Keys = std::vector<std::string_view>;

// Appends the keys of `request`, which outlives them; a key may come twice.
template <typename Request>
void AppendKeys(const Request& request, Keys* keys) {
  if constexpr (requires { request.key(); }) {
    keys->push_back(request.key());
  } else if constexpr (requires { request.source_key(); }) {
    keys->push_back(request.source_key());
    keys->push_back(request.destination_key());
  } else if constexpr (requires { request.puts(); }) {
    for (const auto& put : request.puts()) AppendKeys(put, keys);
  } else if constexpr (requires { request.deletes(); }) {
    for (const auto& each : request.deletes()) AppendKeys(each, keys);
  } else if constexpr (requires { request.keys(); }) {
    for (const auto& key : request.keys()) keys->push_back(key);
  }
}

inline void AppendKeys(const v1::Operation& operation, Keys* keys) {
  switch (operation.kind_case()) {
    case v1::Operation::kGet:
      return AppendKeys(operation.get(), keys);
    case v1::Operation::kPut:
      return AppendKeys(operation.put(), keys);
    case v1::Operation::kDelete:
      return AppendKeys(operation.delete_(), keys);
    case v1::Operation::kIncrement:
      return AppendKeys(operation.increment(), keys);
    case v1::Operation::kTouch:
      return AppendKeys(operation.touch(), keys);
    case v1::Operation::kMove:
      return AppendKeys(operation.move(), keys);
    case v1::Operation::kTransfer:
      return AppendKeys(operation.transfer(), keys);
    case v1::Operation::KIND_NOT_SET:
      return;
  }
}

inline void AppendKeys(const v1::TransactRequest& request, Keys* keys) {
  for (const auto& compare : request.compares()) AppendKeys(compare, keys);
  for (const auto& each : request.on_success()) AppendKeys(each, keys);
  for (const auto& each : request.on_failure()) AppendKeys(each, keys);
}

}  // namespace latchkey::verify

#endif  // LATCHKEY_CLIENT_VERIFY_REQUEST_KEYS_H_
