#include "server/runtime/asio_executor.h"

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <thread>
#include <utility>
#include <vector>

namespace latchkey {

struct AsioExecutor::Impl {
  explicit Impl(int thread_count) : context(thread_count) {
    for (int i = 0; i < thread_count; ++i) {
      threads.emplace_back([this] { context.run(); });
    }
  }

  asio::io_context context;
  asio::executor_work_guard<asio::io_context::executor_type> work =
      asio::make_work_guard(context);
  std::vector<std::thread> threads;
};

AsioExecutor::AsioExecutor(int threads)
    : impl_(std::make_unique<Impl>(threads)) {}

AsioExecutor::~AsioExecutor() { Stop(); }

void AsioExecutor::Stop() {
  impl_->context.stop();
  for (std::thread& thread : impl_->threads) thread.join();
  impl_->threads.clear();
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
