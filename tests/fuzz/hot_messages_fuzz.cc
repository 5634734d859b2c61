// Requests read by hand are read as the generated code reads them.

#include <cstddef>
#include <cstdint>
#include <string>

#include "server/base/check.h"
#include "tests/server/service/hot_messages_oracle.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string took =
      latchkey::CompareReaders({reinterpret_cast<const char*>(data), size});
  LATCHKEY_CHECK(took.find("wrong") == std::string::npos, "both readers agree");
  return 0;
}
