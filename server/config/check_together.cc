#include "server/config/check_together.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/config/listen_address.h"

namespace latchkey {

std::string CheckTogether(const ServerOptions& options) {
  const TlsOptions& tls = options.tls;
  if (!options.has_tls() && !tls.key_file.empty()) {
    return "--tls-key: needs --tls-certificate, whose key it is";
  }
  if (options.has_tls() && tls.key_file.empty()) {
    return "--tls-certificate: needs --tls-key, which proves that it is yours";
  }
  if (!options.has_tls() && !tls.client_ca_file.empty()) {
    return "--tls-client-ca: needs --tls-certificate and --tls-key: clients "
           "show certificates over TLS only";
  }
  if (options.tokens_file.empty() && tls.client_ca_file.empty()) {
    for (const auto& [name, file] :
         {std::pair("--rules-file", options.rules_file),
          std::pair("--limits-file", options.limits_file)}) {
      if (file.empty()) continue;
      return absl::StrCat(
          name,
          ": needs --tokens-file or --tls-client-ca, which say who calls");
    }
  }
  if (!options.cors_origins.empty() && options.transport == "grpc") {
    return "--cors-origin: needs --transport=native: pages call by gRPC-Web, "
           "which the gRPC library does not speak";
  }
  const auto is_exposed = [&options](const std::string& address) {
    return !options.allow_insecure && !address.empty() &&
           !IsLoopback(ParseListenAddress(address)->host);
  };
  if (is_exposed(options.listen) && !options.has_tls()) {
    return absl::StrCat(
        "--listen: ", options.listen,
        " can be reached from other machines, and there is no TLS; give "
        "--tls-certificate and --tls-key or, if that is meant, "
        "--allow-insecure");
  }
  if (is_exposed(options.http_listen)) {
    return absl::StrCat(
        "--http-listen: ", options.http_listen,
        " can be reached from other machines, and has no TLS; if that is "
        "meant, add --allow-insecure");
  }
  return "";
}

}  // namespace latchkey
