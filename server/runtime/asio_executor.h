// AsioExecutor runs posted functions on threads of its own, so that they never
// delay a transport's; with one thread, one after the other.  It is the one
// class of the server's runtime that has threads.
//
// Thread safety: Post() and PostAfter() from any thread; the rest belongs to
// the owner.

#ifndef LATCHKEY_SERVER_RUNTIME_ASIO_EXECUTOR_H_
#define LATCHKEY_SERVER_RUNTIME_ASIO_EXECUTOR_H_

#include <functional>
#include <memory>

#include "server/base/clock.h"
#include "server/base/executor.h"

namespace latchkey {

class AsioExecutor final : public Executor {
 public:
  // Starts the threads.
  explicit AsioExecutor(int threads = 1);

  // As Stop().
  ~AsioExecutor() override;

  // Ends each thread after the function that it runs now, and waits for that;
  // what waits is dropped.  Not on one of the threads.
  void Stop();

  void Post(std::function<void()> function) override;
  void PostAfter(Nanos delay, std::function<void()> function) override;

 private:
  // Keeps Asio out of everyone's includes.
  struct Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RUNTIME_ASIO_EXECUTOR_H_
