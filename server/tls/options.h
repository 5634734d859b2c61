// Where an operator keeps what a server needs for TLS: files in PEM.

#ifndef LATCHKEY_SERVER_TLS_OPTIONS_H_
#define LATCHKEY_SERVER_TLS_OPTIONS_H_

#include <string>

namespace latchkey {

struct TlsOptions {
  // The server's certificate, then those that lead from it to a root.
  std::string certificate_file;

  // The key of the certificate, without a pass phrase.
  std::string key_file;

  // Whose client certificates are accepted; each client must have one then.
  // Empty: none is asked for.
  std::string client_ca_file;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_TLS_OPTIONS_H_
