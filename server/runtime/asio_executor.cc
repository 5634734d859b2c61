#include "server/runtime/asio_executor.h"

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <thread>
#include <utility>

namespace latchkey {

struct AsioExecutor::Impl {
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> work =
      asio::make_work_guard(context);
  std::thread thread{[this] { context.run(); }};
};

AsioExecutor::AsioExecutor() : impl_(std::make_unique<Impl>()) {}

AsioExecutor::~AsioExecutor() {
  impl_->context.stop();
  impl_->thread.join();
}

void AsioExecutor::Post(std::function<void()> function) {
  asio::post(impl_->context, std::move(function));
}

void AsioExecutor::PostAfter(Nanos delay, std::function<void()> function) {
  auto timer = std::make_shared<asio::steady_timer>(
      impl_->context, std::chrono::nanoseconds(delay));
  timer->async_wait(
      [timer, function = std::move(function)](const asio::error_code& error) {
        if (!error) function();
      });
}

}  // namespace latchkey
