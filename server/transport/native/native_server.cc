#include "server/transport/native/native_server.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <thread>
#include <utility>

#include "server/transport/native/listener.h"
#include "server/transport/native/worker.h"

namespace latchkey {
namespace {

// How long new calls are refused before connections are told to end.
constexpr Nanos kRefuseTime = 100 * kNanosPerMilli;

// How long clients may take to read that their calls were cancelled.
constexpr Nanos kGoodbyeTime = kNanosPerSecond;

std::chrono::nanoseconds Duration(Nanos time) {
  return std::chrono::nanoseconds(std::max<Nanos>(0, time));
}

}  // namespace

NativeServer::NativeServer(NativeServerOptions options,
                           const MethodTable& methods, const Clock& clock)
    : options_(std::move(options)),
      methods_(methods),
      clock_(clock),
      address_counts_(options_) {}

NativeServer::~NativeServer() { Shutdown(0); }

absl::StatusOr<int> NativeServer::Start() {
  for (int i = 0; i < options_.threads; ++i) {
    workers_.push_back(
        std::make_unique<Worker>(options_, methods_, clock_, address_counts_));
  }
  listener_ = std::make_unique<Listener>(
      workers_[0]->io(), [this](int socket, std::string network) {
        Place(socket, std::move(network));
      });
  absl::StatusOr<int> port = listener_->Listen(options_.host, options_.port);
  if (!port.ok()) return port;
  for (const auto& worker : workers_) worker->Start();
  serving_ = true;
  return port;
}

void NativeServer::Shutdown(Nanos grace) {
  if (!serving_) return;
  serving_ = false;
  const UnixNanos end = SaturatingAdd(clock_.Now(), grace);
  std::promise<void> closed;
  workers_[0]->Post([&] {
    listener_->Close();
    closed.set_value();
  });
  closed.get_future().wait();

  if (grace > 0 && OpenConnections() > 0) {
    // Clients are told why their calls fail, before their connections end.
    for (const auto& worker : workers_) worker->StartRefusing();
    std::this_thread::sleep_for(Duration(std::min(grace, kRefuseTime)));
  }
  std::vector<std::future<void>> drained;
  for (const auto& worker : workers_) drained.push_back(worker->Drain());
  const auto wait_until = [&](UnixNanos time) {
    return std::all_of(drained.begin(), drained.end(), [&](auto& one) {
      return one.wait_for(Duration(time - clock_.Now())) ==
             std::future_status::ready;
    });
  };
  if (grace == 0 || !wait_until(end)) {
    for (const auto& worker : workers_) worker->CancelCalls();
    if (!wait_until(SaturatingAdd(clock_.Now(), kGoodbyeTime))) {
      for (const auto& worker : workers_) worker->CloseConnections();
    }
  }
  // Handlers finish the calls that they hold.
  for (std::future<void>& one : drained) one.wait();
  for (const auto& worker : workers_) worker->Stop();
}

int64_t NativeServer::live_calls() const {
  int64_t sum = 0;
  for (const auto& worker : workers_) sum += worker->live_calls();
  return sum;
}

int NativeServer::OpenConnections() const {
  int sum = 0;
  for (const auto& worker : workers_) sum += worker->connections();
  return sum;
}

void NativeServer::Place(int socket, std::string network) {
  if (OpenConnections() >= options_.connections_max ||
      !address_counts_.Add(network)) {
    close(socket);
    return;
  }
  const auto worker = std::min_element(
      workers_.begin(), workers_.end(), [](const auto& a, const auto& b) {
        return a->connections() < b->connections();
      });
  (*worker)->Adopt(socket, std::move(network));
}

}  // namespace latchkey
