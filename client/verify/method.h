// Method names the RPCs that one message asks for and one answers: all of
// latchkey.v1.Cache but Scan.
//
// Thread safety: free functions, no shared state.

#ifndef LATCHKEY_CLIENT_VERIFY_METHOD_H_
#define LATCHKEY_CLIENT_VERIFY_METHOD_H_

#include <cstddef>
#include <string_view>

namespace latchkey::verify {

enum class Method {
  kGet,
  kBatchGet,
  kPut,
  kBatchPut,
  kDelete,
  kBatchDelete,
  kIncrement,
  kTouch,
  kMove,
  kTransfer,
  kTransact,
  kGetOutcome,
};
inline constexpr size_t kMethods = 12;

// As "Get".
std::string_view MethodName(Method method);

// As "/latchkey.v1.Cache/Get".
std::string_view MethodPath(Method method);

// Whether its requests take an idempotency key of their own.
constexpr bool IsWrite(Method method) {
  return method != Method::kGet && method != Method::kBatchGet &&
         method != Method::kGetOutcome;
}

}  // namespace latchkey::verify

#endif  // LATCHKEY_CLIENT_VERIFY_METHOD_H_
