// NativeEngine carries calls by HTTP/2 of its own (Http2Session) on Asio: each
// thread has connections of its own, and writes the calls that its loop starts
// in one go with the answers of one read.  It is made to cost less than the
// server does, so that one core of it keeps one of the server busy.
//
// A call is sent once, or with retries, as GrpcEngine does.
//
// Thread safety: as Engine says.

#ifndef LATCHKEY_CLIENT_LOAD_NATIVE_ENGINE_H_
#define LATCHKEY_CLIENT_LOAD_NATIVE_ENGINE_H_

#include <cstddef>
#include <memory>
#include <vector>

#include "client/load/connections.h"
#include "client/load/engine.h"
#include "client/load/native_connection.h"

namespace latchkey::load {

class NativePort;

class NativeEngine final : public Engine {
 public:
  explicit NativeEngine(const EngineOptions& options);
  ~NativeEngine() override;

  absl::Status Connect(Nanos patience) override;
  CallPort& Port(size_t thread) override;
  size_t SlotCount(size_t thread) const override;

 private:
  const EngineOptions options_;
  // Its endpoints are found by Connect().
  NativeTarget target_;
  std::vector<std::unique_ptr<NativePort>> ports_;
};

}  // namespace latchkey::load

#endif  // LATCHKEY_CLIENT_LOAD_NATIVE_ENGINE_H_
