// MakeTlsCredentials gives the gRPC library what it needs to serve over TLS:
// for each handshake the identity that a TlsKeeper has by then.
//
// Thread safety: a free function; what it returns is used by any thread.

#ifndef LATCHKEY_SERVER_TRANSPORT_GRPC_TLS_CREDENTIALS_H_
#define LATCHKEY_SERVER_TRANSPORT_GRPC_TLS_CREDENTIALS_H_

#include <grpcpp/security/server_credentials.h>

#include <memory>

#include "server/tls/tls_keeper.h"

namespace latchkey {

// `keeper` must outlive the credentials, and they the server that uses them.
std::shared_ptr<grpc::ServerCredentials> MakeTlsCredentials(
    const TlsKeeper& keeper);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_TRANSPORT_GRPC_TLS_CREDENTIALS_H_
