// What a client sends behind its preface neither ends the native transport nor
// leaves a call behind: each input goes over a connection of its own, whole or
// in two parts.  http1_fuzz is the same without a preface.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "tests/fuzz/fuzz_server.h"

namespace latchkey {
namespace {

constexpr std::string_view kBegin(
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33);

}  // namespace
}  // namespace latchkey

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static latchkey::FuzzServer* const server = new latchkey::FuzzServer;
  if (size == 0) return 0;
  // The first byte says where the input is cut.
  server->Send(latchkey::kBegin,
               {reinterpret_cast<const char*>(data) + 1, size - 1},
               data[0] == 0 ? size : data[0]);
  return 0;
}
