#include "tests/support/fault_proxy.h"

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <future>
#include <map>
#include <thread>
#include <type_traits>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/support/fault_connection.h"
#include "tests/support/fault_mirror.h"

namespace latchkey {
namespace {

using asio::ip::tcp;

// After an accept that failed, as for want of file descriptors.
constexpr std::chrono::milliseconds kAcceptPause(10);

absl::StatusOr<tcp::endpoint> ParseEndpoint(std::string_view text) {
  const size_t colon = text.rfind(':');
  std::string host(text.substr(0, colon));
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  int port = 0;
  asio::error_code error;
  const asio::ip::address address = asio::ip::make_address(host, error);
  if (colon == text.npos || error ||
      !absl::SimpleAtoi(std::string(text.substr(colon + 1)), &port) ||
      port < 1 || port > 65535) {
    return absl::InvalidArgumentError(
        absl::StrCat("target is ADDRESS:PORT, the address numeric, not ",
                     std::string(text)));
  }
  return tcp::endpoint(address, static_cast<uint16_t>(port));
}

}  // namespace

// All fields but `context_`, `thread_` and `address_` belong to the thread.
class FaultProxy::Impl {
 public:
  explicit Impl(tcp::endpoint target) : target_(std::move(target)) {}

  absl::Status Listen() {
    asio::error_code error;
    const tcp::endpoint any_port(asio::ip::address_v4::loopback(), 0);
    if (!acceptor_.open(any_port.protocol(), error)) {
      acceptor_.bind(any_port, error);
    }
    if (!error)
      acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) {
      return absl::UnavailableError(
          absl::StrCat("cannot listen: ", error.message()));
    }
    address_ =
        absl::StrCat("127.0.0.1:", acceptor_.local_endpoint(error).port());
    Accept();
    thread_ = std::thread([this] { context_.run(); });
    return absl::OkStatus();
  }

  // All operations are ended, so that the thread runs out of work.
  void Stop() {
    if (!thread_.joinable()) return;
    OnThread([this] {
      stopping_ = true;
      asio::error_code ignored;
      acceptor_.close(ignored);
      accept_timer_.cancel();
      // They take themselves out.
      while (!connections_.empty()) connections_.begin()->second->Reset();
      while (!mirrors_.empty()) mirrors_.begin()->second->Close();
      work_.reset();
    });
    thread_.join();
  }

  // Runs `function` on the thread and waits for what it returns.
  template <typename Function>
  std::invoke_result_t<Function> OnThread(Function function) {
    using Answer = std::invoke_result_t<Function>;
    std::promise<Answer> promise;
    std::future<Answer> answer = promise.get_future();
    asio::post(context_, [&function, promise = std::move(promise)]() mutable {
      if constexpr (std::is_void_v<Answer>) {
        function();
        promise.set_value();
      } else {
        promise.set_value(function());
      }
    });
    return answer.get();
  }

  // Calls `function` with each connection on the thread; returns their number.
  template <typename Function>
  int OnEach(Function function) {
    return OnThread([this, &function] {
      // A function may close the connection and so take it out.
      const auto connections = connections_;
      for (const auto& [number, connection] : connections) {
        function(*connection);
      }
      return static_cast<int>(connections.size());
    });
  }

  void SetFaults(const std::optional<RandomFaults>& faults) {
    faults_ = faults;
    for (const auto& [number, connection] : connections_) {
      connection->SetPlan(PlanOf(number));
    }
  }

  const std::string& address() const { return address_; }

  void set_target(tcp::endpoint target) { target_ = std::move(target); }
  void set_mirror(int connections, std::chrono::milliseconds lag) {
    mirror_left_ = connections;
    mirror_lag_ = lag;
  }
  FaultState& state() { return state_; }
  FaultCounters counters() const {
    FaultCounters counters = state_.counters;
    counters.connections_open = connections_.size();
    counters.mirrors_open = mirrors_.size();
    return counters;
  }

 private:
  bool HasRoom() const {
    return connections_.size() + mirrors_.size() < kConnectionsMax;
  }

  // Keeps one accept under way as long as there is room.
  void Accept() {
    if (accepting_ || stopping_ || !HasRoom()) return;
    accepting_ = true;
    acceptor_.async_accept(
        [this](const asio::error_code& error, tcp::socket client) {
          if (stopping_) return;
          accepting_ = false;
          if (!error) {
            Add(std::move(client));
            return Accept();
          }
          accepting_ = true;
          accept_timer_.expires_after(kAcceptPause);
          accept_timer_.async_wait([this](const asio::error_code&) {
            accepting_ = false;
            Accept();
          });
        });
  }

  void Add(tcp::socket client) {
    const uint64_t number = ++state_.counters.connections;
    std::optional<FaultPlan> plan = PlanOf(number);
    const auto connection = std::make_shared<FaultConnection>(
        context_, state_, std::move(client), [this, number] {
          connections_.erase(number);
          Accept();
        });
    connections_[number] = connection;

    std::optional<std::chrono::milliseconds> lag;
    if (mirror_left_ != 0) {
      if (mirror_left_ != kNoLimit) --mirror_left_;
      lag = mirror_lag_;
    } else if (plan.has_value() && plan->DrawMirror()) {
      lag = plan->DrawMirrorLag();
    }
    connection->SetPlan(std::move(plan));
    connection->Start(target_,
                      lag.has_value() ? MakeMirror(number, *lag) : nullptr);
  }

  std::shared_ptr<FaultMirror> MakeMirror(uint64_t number,
                                          std::chrono::milliseconds lag) {
    ++state_.counters.mirrored;
    auto mirror = std::make_shared<FaultMirror>(context_, state_.counters, lag,
                                                [this, number] {
                                                  mirrors_.erase(number);
                                                  Accept();
                                                });
    mirrors_[number] = mirror;
    mirror->Start(target_);
    return mirror;
  }

  std::optional<FaultPlan> PlanOf(uint64_t number) const {
    if (!faults_.has_value()) return std::nullopt;
    return FaultPlan(*faults_, number);
  }

  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_ =
      asio::make_work_guard(context_);
  tcp::acceptor acceptor_{context_};
  asio::steady_timer accept_timer_{context_};
  bool accepting_ = false;
  bool stopping_ = false;

  tcp::endpoint target_;
  FaultState state_;
  // By the number of the connection.
  std::map<uint64_t, std::shared_ptr<FaultConnection>> connections_;
  std::map<uint64_t, std::shared_ptr<FaultMirror>> mirrors_;
  std::optional<RandomFaults> faults_;
  // Connections to come that get a mirror, or kNoLimit.
  int mirror_left_ = 0;
  std::chrono::milliseconds mirror_lag_{0};

  std::string address_;
  std::thread thread_;
};

absl::StatusOr<std::unique_ptr<FaultProxy>> FaultProxy::Start(
    std::string_view target) {
  absl::StatusOr<tcp::endpoint> endpoint = ParseEndpoint(target);
  if (!endpoint.ok()) return endpoint.status();
  auto impl = std::make_unique<Impl>(*std::move(endpoint));
  const absl::Status status = impl->Listen();
  if (!status.ok()) return status;
  return std::unique_ptr<FaultProxy>(new FaultProxy(std::move(impl)));
}

FaultProxy::FaultProxy(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

FaultProxy::~FaultProxy() { impl_->Stop(); }

const std::string& FaultProxy::address() const { return impl_->address(); }

absl::Status FaultProxy::SetTarget(std::string_view target) {
  absl::StatusOr<tcp::endpoint> endpoint = ParseEndpoint(target);
  if (!endpoint.ok()) return endpoint.status();
  impl_->OnThread([&] { impl_->set_target(*std::move(endpoint)); });
  return absl::OkStatus();
}

int FaultProxy::Drop(Direction direction) {
  return impl_->OnEach(
      [=](FaultConnection& connection) { connection.Drop(direction); });
}

int FaultProxy::Resume(Direction direction) {
  return impl_->OnEach(
      [=](FaultConnection& connection) { connection.Resume(direction); });
}

int FaultProxy::Delay(Direction direction, std::chrono::milliseconds time) {
  return impl_->OnEach(
      [=](FaultConnection& connection) { connection.Delay(direction, time); });
}

int FaultProxy::Truncate(Direction direction, uint64_t bytes) {
  return impl_->OnEach([=](FaultConnection& connection) {
    connection.Truncate(direction, bytes);
  });
}

int FaultProxy::Reset() {
  return impl_->OnEach([](FaultConnection& connection) { connection.Reset(); });
}

void FaultProxy::LoseReplies(int count) {
  impl_->OnThread([&] { impl_->state().replies_to_lose = count; });
}

void FaultProxy::Mirror(int connections, std::chrono::milliseconds lag) {
  impl_->OnThread([&] { impl_->set_mirror(connections, lag); });
}

absl::Status FaultProxy::SetRandomFaults(
    const std::optional<RandomFaults>& faults) {
  if (faults.has_value()) {
    const absl::Status status = CheckRandomFaults(*faults);
    if (!status.ok()) return status;
  }
  impl_->OnThread([&] { impl_->SetFaults(faults); });
  return absl::OkStatus();
}

FaultCounters FaultProxy::counters() const {
  return impl_->OnThread([&] { return impl_->counters(); });
}

}  // namespace latchkey
