// TLS records as a client may cut them, which OpenSSL's own never does.

#ifndef LATCHKEY_TESTS_SUPPORT_TLS_RECORDS_H_
#define LATCHKEY_TESTS_SUPPORT_TLS_RECORDS_H_

#include <openssl/ssl3.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace latchkey {

// `handshake`, a whole record, as two: the first with `size` bytes of it.
inline std::string InTwoRecords(std::string_view handshake, size_t size) {
  const auto record = [&](std::string_view content) {
    return std::string(handshake.substr(0, 3)) +
           static_cast<char>(content.size() >> 8) +
           static_cast<char>(content.size()) + std::string(content);
  };
  const std::string_view content = handshake.substr(SSL3_RT_HEADER_LENGTH);
  return record(content.substr(0, size)) + record(content.substr(size));
}

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SUPPORT_TLS_RECORDS_H_
