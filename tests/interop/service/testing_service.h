// TestingService is the service of the gRPC project's interoperability tests,
// grpc.testing.TestService, on our Call: all four kinds of calls, and metadata
// that comes back.
//
// Thread safety: as MethodTable says; it has no state.

#ifndef LATCHKEY_TESTS_INTEROP_SERVICE_TESTING_SERVICE_H_
#define LATCHKEY_TESTS_INTEROP_SERVICE_TESTING_SERVICE_H_

#include "server/rpc/method_table.h"

namespace latchkey {

void RegisterTestingService(MethodTable& methods);

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_INTEROP_SERVICE_TESTING_SERVICE_H_
