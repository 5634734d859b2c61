// ReflectionService answers grpc.reflection.v1 and v1alpha, by which grpcurl
// and its like learn the API from a running server.  The two are one protocol
// under two names.
//
// It describes latchkey.v1.Cache and Admin, the standard services, and the
// details that errors carry.  Descriptors come with all that they import. There
// are no extensions, so a question for one is answered NOT_FOUND.
//
// Thread safety: constant after construction; streams may run on any threads.
//
// Example:
//   ReflectionService reflection;
//   reflection.Register(methods);

#ifndef LATCHKEY_SERVER_SERVICE_REFLECTION_SERVICE_H_
#define LATCHKEY_SERVER_SERVICE_REFLECTION_SERVICE_H_

#include "server/rpc/method_table.h"
#include "server/service/access_check.h"
#include "server/service/descriptor_index.h"

namespace latchkey {

class ReflectionService {
 public:
  // `rules` say who may ask; null: anybody.  They must outlive the service.
  explicit ReflectionService(const RulesKeeper* rules = nullptr);

  ReflectionService(const ReflectionService&) = delete;
  ReflectionService& operator=(const ReflectionService&) = delete;

  // Adds both methods.  The service must outlive the calls made through them.
  void Register(MethodTable& methods);

 private:
  const DescriptorIndex index_;
  const AccessCheck access_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SERVICE_REFLECTION_SERVICE_H_
