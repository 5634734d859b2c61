// AsioExecutor runs posted functions one after the other on one thread of its
// own: the lane of background work, so that it never delays a request's thread.
//
// Thread safety: Post() and PostAfter() from any thread.

#ifndef LATCHKEY_SERVER_RUNTIME_ASIO_EXECUTOR_H_
#define LATCHKEY_SERVER_RUNTIME_ASIO_EXECUTOR_H_

#include <functional>
#include <memory>

#include "server/base/clock.h"
#include "server/base/executor.h"

namespace latchkey {

class AsioExecutor final : public Executor {
 public:
  // Starts the thread.
  AsioExecutor();

  // Ends the thread after the function that runs now; what waits is dropped.
  ~AsioExecutor() override;

  void Post(std::function<void()> function) override;
  void PostAfter(Nanos delay, std::function<void()> function) override;

 private:
  // Keeps Asio out of everyone's includes.
  struct Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RUNTIME_ASIO_EXECUTOR_H_
