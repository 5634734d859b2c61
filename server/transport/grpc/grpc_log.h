// The gRPC library writes lines of its own to stderr.  This sends them to the
// program's log instead.
//
// Thread safety: SetGrpcLogSink() before any other use of the library.

#ifndef LATCHKEY_SERVER_TRANSPORT_GRPC_GRPC_LOG_H_
#define LATCHKEY_SERVER_TRANSPORT_GRPC_GRPC_LOG_H_

namespace latchkey {

enum class GrpcLogLevel { kDebug, kInfo, kError };

// `sink` is called from any thread, with `message` for the length of the call.
void SetGrpcLogSink(void (*sink)(GrpcLogLevel level, const char* message));

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_TRANSPORT_GRPC_GRPC_LOG_H_
