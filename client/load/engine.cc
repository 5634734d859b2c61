#include "client/load/engine.h"

namespace latchkey::load {

std::string_view MethodPath(Method method) {
  switch (method) {
    case Method::kGet:
      return "/latchkey.v1.Cache/Get";
    case Method::kBatchGet:
      return "/latchkey.v1.Cache/BatchGet";
    case Method::kPut:
      return "/latchkey.v1.Cache/Put";
    case Method::kBatchPut:
      return "/latchkey.v1.Cache/BatchPut";
    case Method::kTransfer:
      return "/latchkey.v1.Cache/Transfer";
  }
  return "";
}

}  // namespace latchkey::load
