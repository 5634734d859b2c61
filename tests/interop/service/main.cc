// interop-server TRANSPORT: serves grpc.testing.TestService by one of the
// transports on a port of 127.0.0.1, which it prints, until its stdin ends.

#include <cstdio>
#include <iostream>
#include <memory>
#include <string>

#include "absl/synchronization/mutex.h"
#include "server/base/clock.h"
#include "server/transport/grpc/grpc_server.h"
#include "server/transport/native/native_server.h"
#include "tests/interop/service/testing_service.h"

namespace latchkey {
namespace {

int Serve(const std::string& name) {
  const SystemClock clock;
  MethodTable methods;
  RegisterTestingService(methods);
  std::unique_ptr<Transport> transport;
  if (name == "native") {
    transport = std::make_unique<NativeServer>(
        NativeServerOptions{.threads = 2}, methods, clock);
  } else if (name == "grpc") {
    transport = std::make_unique<GrpcServer>(
        GrpcServerOptions{.listen_address = "127.0.0.1:0", .threads = 2},
        methods, clock);
  } else {
    std::cerr << "usage: interop-server grpc|native\n";
    return 2;
  }
  const absl::StatusOr<int> port = transport->Start();
  if (!port.ok()) {
    std::cerr << port.status().ToString() << "\n";
    return 1;
  }
  std::cout << "listening 127.0.0.1:" << *port << std::endl;
  while (std::getchar() != EOF) {
  }
  transport->Shutdown(0);
  return 0;
}

}  // namespace
}  // namespace latchkey

int main(int argc, char** argv) {
  // The packaged gRPC inverts locks of its own.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  return latchkey::Serve(argc == 2 ? argv[1] : "");
}
