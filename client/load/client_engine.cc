#include "client/load/client_engine.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <utility>

#include "client/lib/client.h"
#include "client/lib/mutex.h"

namespace latchkey::load {
namespace {

using client::Client;

// Client's own clock.
using SteadyClock = std::chrono::steady_clock;

SteadyClock::time_point AtNanos(Nanos instant) {
  return SteadyClock::time_point(std::chrono::nanoseconds(instant));
}

std::vector<std::unique_ptr<Client>> MakeClients(
    const Channels& channels, const ClientEngineOptions& options) {
  client::ClientOptions client_options;
  client_options.deadline = std::chrono::nanoseconds(options.timeout);
  if (options.hedge_delay) {
    client_options.hedge_delay = std::chrono::nanoseconds(*options.hedge_delay);
  }
  std::vector<std::unique_ptr<Client>> clients;
  for (const auto& channel : channels) {
    clients.push_back(std::make_unique<Client>(channel, client_options));
  }
  return clients;
}

}  // namespace

class ClientPort final : public CallPort {
 public:
  // `channels` are this port's connections.
  ClientPort(const Channels& channels, const ClientEngineOptions& options);

  Nanos Now() override {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               SteadyClock::now().time_since_epoch())
        .count();
  }
  void Start(size_t slot, const Call& call) override;
  std::optional<Completion> Poll(Nanos until) override;

  size_t slot_count() const { return slots_.size(); }

 private:
  // Of the port's thread while it holds no call, else of the callback.
  struct Slot {
    client::CallResult result;
    std::string response;
  };

  template <typename Request, typename Response>
  using AsyncMethod = void (Client::*)(Request, const client::CallOptions&,
                                       client::Callback<Response>);

  template <typename Request, typename Response>
  void Send(AsyncMethod<Request, Response> method, size_t slot,
            const Call& call);
  void OnEnd(size_t slot);
  std::optional<size_t> TakeEnded(Nanos until);

  std::vector<Slot> slots_;

  client::Mutex mutex_;
  std::condition_variable some_ended_;
  // Slots whose call has ended, in the order of their ends.
  std::deque<size_t> ended_ ABSL_GUARDED_BY(mutex_);

  // Destroyed first: their callbacks use all of the above.
  const std::vector<std::unique_ptr<Client>> clients_;
};

ClientPort::ClientPort(const Channels& channels,
                       const ClientEngineOptions& options)
    : slots_(channels.size() * options.in_flight),
      clients_(MakeClients(channels, options)) {}

template <typename Request, typename Response>
void ClientPort::Send(AsyncMethod<Request, Response> method, size_t slot,
                      const Call& call) {
  Client& client = *clients_[slot % clients_.size()];
  (client.*method)(static_cast<const Request&>(*call.request),
                   {.stamp = std::string(call.stamp)},
                   [this, slot](client::Result<Response> result) {
                     Slot& state = slots_[slot];
                     state.response.clear();
                     if (result.ok()) {
                       result.response.SerializeToString(&state.response);
                     }
                     state.result = std::move(result);
                     OnEnd(slot);
                   });
}

void ClientPort::Start(size_t slot, const Call& call) {
  switch (call.method) {
    case Method::kGet:
      return Send(&Client::GetAsync, slot, call);
    case Method::kBatchGet:
      return Send(&Client::BatchGetAsync, slot, call);
    case Method::kPut:
      return Send(&Client::PutAsync, slot, call);
    case Method::kBatchPut:
      return Send(&Client::BatchPutAsync, slot, call);
    case Method::kDelete:
      return Send(&Client::DeleteAsync, slot, call);
    case Method::kBatchDelete:
      return Send(&Client::BatchDeleteAsync, slot, call);
    case Method::kIncrement:
      return Send(&Client::IncrementAsync, slot, call);
    case Method::kTouch:
      return Send(&Client::TouchAsync, slot, call);
    case Method::kMove:
      return Send(&Client::MoveAsync, slot, call);
    case Method::kTransfer:
      return Send(&Client::TransferAsync, slot, call);
    case Method::kTransact:
      return Send(&Client::TransactAsync, slot, call);
    case Method::kGetOutcome:
      return Send(&Client::GetOutcomeAsync, slot, call);
  }
}

void ClientPort::OnEnd(size_t slot) {
  client::MutexLock lock(mutex_);
  ended_.push_back(slot);
  // Under the lock: with the last call the port may be destroyed.
  some_ended_.notify_one();
}

std::optional<size_t> ClientPort::TakeEnded(Nanos until) {
  client::MutexLock lock(mutex_);
  while (ended_.empty()) {
    if (!mutex_.ConditionWaitUntil(some_ended_, AtNanos(until)) &&
        ended_.empty()) {
      return std::nullopt;
    }
  }
  const size_t slot = ended_.front();
  ended_.pop_front();
  return slot;
}

std::optional<Completion> ClientPort::Poll(Nanos until) {
  const std::optional<size_t> slot = TakeEnded(until);
  if (!slot) return std::nullopt;
  const Slot& state = slots_[*slot];
  const client::CallResult& result = state.result;
  return Completion{.slot = *slot,
                    .error = result.ok() ? nullptr : &result.error,
                    .response = state.response,
                    .outcome = result.outcome,
                    .attempts = result.attempts,
                    .hedges = result.hedges,
                    .replayed = result.replayed,
                    .idempotency_key = result.idempotency_key,
                    .stamp = result.stamp};
}

// Client retries itself; a retry of gRPC's would be one that nobody counts.
ClientEngine::ClientEngine(const ClientEngineOptions& options)
    : options_(options),
      channels_(MakeConnections({.target = options.target,
                                 .connections = options.connections,
                                 .retries = false})) {
  for (const Channels& channels : DealOut(channels_, options_.threads)) {
    ports_.push_back(std::make_unique<ClientPort>(channels, options_));
  }
}

ClientEngine::~ClientEngine() = default;

absl::Status ClientEngine::Connect(Nanos patience) {
  return ConnectAll(channels_, options_.target.address, patience);
}

CallPort& ClientEngine::Port(size_t thread) { return *ports_[thread]; }

size_t ClientEngine::SlotCount(size_t thread) const {
  return ports_[thread]->slot_count();
}

}  // namespace latchkey::load
