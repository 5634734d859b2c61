#include "client/load/grpc_engine.h"

#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>

#include <chrono>
#include <optional>
#include <utility>

#include "client/lib/channel.h"

namespace latchkey::load {
namespace {

// gRPC waits in whole milliseconds.  Nearer to an instant than this, a port
// polls without waiting, or each request of an open loop would be late by half
// a millisecond.
constexpr Nanos kWaitPrecision = 2 * kNanosPerMilli;

const std::string& PathOf(Method method) {
  static const std::vector<std::string>* const paths = [] {
    auto* made = new std::vector<std::string>();
    for (size_t i = 0; i < verify::kMethods; ++i) {
      made->emplace_back(verify::MethodPath(static_cast<Method>(i)));
    }
    return made;
  }();
  return (*paths)[static_cast<size_t>(method)];
}

gpr_timespec FromNow(Nanos duration) {
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                      gpr_time_from_nanos(duration, GPR_TIMESPAN));
}

Nanos MonotonicNow() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

class GrpcPort final : public CallPort {
 public:
  // `channels` are this port's connections.
  GrpcPort(const std::vector<std::shared_ptr<grpc::Channel>>& channels,
           size_t in_flight, Nanos timeout);
  ~GrpcPort() override;

  Nanos Now() override { return MonotonicNow(); }
  void Start(size_t slot, const Call& call) override;
  std::optional<Completion> Poll(Nanos until) override;

  size_t slot_count() const { return slots_.size(); }

 private:
  struct Slot {
    grpc::GenericStub* stub = nullptr;
    // Made anew for each call, as gRPC demands, but in place.
    std::optional<grpc::ClientContext> context;
    std::unique_ptr<grpc::ClientAsyncResponseReader<grpc::ByteBuffer>> reader;
    grpc::ByteBuffer response;
    // The response in one piece.
    grpc::Slice flat;
    grpc::Status status;
    client::CallError error;
  };

  const Nanos timeout_;
  grpc::CompletionQueue queue_;
  std::vector<std::unique_ptr<grpc::GenericStub>> stubs_;
  std::vector<Slot> slots_;
};

GrpcPort::GrpcPort(const std::vector<std::shared_ptr<grpc::Channel>>& channels,
                   size_t in_flight, Nanos timeout)
    : timeout_(timeout), slots_(channels.size() * in_flight) {
  for (const auto& channel : channels) {
    stubs_.push_back(std::make_unique<grpc::GenericStub>(channel));
  }
  for (size_t slot = 0; slot < slots_.size(); ++slot) {
    slots_[slot].stub = stubs_[slot % stubs_.size()].get();
  }
}

GrpcPort::~GrpcPort() {
  queue_.Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue_.Next(&tag, &ok)) {
  }
}

void GrpcPort::Start(size_t slot, const Call& call) {
  Slot& state = slots_[slot];
  grpc::Slice bytes(call.request->ByteSizeLong());
  call.request->SerializeWithCachedSizesToArray(
      const_cast<uint8_t*>(bytes.begin()));
  const grpc::ByteBuffer request(&bytes, 1);

  state.reader.reset();
  state.context.emplace();
  state.context->set_deadline(FromNow(timeout_));
  state.reader = state.stub->PrepareUnaryCall(
      &*state.context, PathOf(call.method), request, &queue_);
  state.reader->StartCall();
  state.response.Clear();
  state.reader->Finish(&state.response, &state.status,
                       reinterpret_cast<void*>(slot));
}

std::optional<Completion> GrpcPort::Poll(Nanos until) {
  void* tag = nullptr;
  bool ok = false;
  while (true) {
    const Nanos left = until - Now();
    const Nanos wait = left > kWaitPrecision ? left - kWaitPrecision : 0;
    const auto next = queue_.AsyncNext(&tag, &ok, FromNow(wait));
    if (next == grpc::CompletionQueue::GOT_EVENT) break;
    if (left <= 0) return std::nullopt;
  }
  const size_t slot = reinterpret_cast<size_t>(tag);
  Slot& state = slots_[slot];
  if (!state.status.ok()) {
    state.error = client::DecodeCallError(state.status);
    return Completion{.slot = slot, .error = &state.error};
  }
  if (!state.response.TrySingleSlice(&state.flat).ok()) {
    const grpc::Status dumped = state.response.DumpToSingleSlice(&state.flat);
    if (!dumped.ok()) state.flat = grpc::Slice();
  }
  return Completion{
      .slot = slot,
      .response = {reinterpret_cast<const char*>(state.flat.begin()),
                   state.flat.size()}};
}

GrpcEngine::GrpcEngine(const GrpcEngineOptions& options) : options_(options) {
  std::vector<std::vector<std::shared_ptr<grpc::Channel>>> dealt(
      options_.threads);
  for (size_t i = 0; i < options_.connections; ++i) {
    channels_.push_back(client::MakeChannel(
        options_.address, {.distinct_id = static_cast<int>(i)}));
    dealt[i % options_.threads].push_back(channels_.back());
  }
  for (const auto& channels : dealt) {
    ports_.push_back(std::make_unique<GrpcPort>(channels, options_.in_flight,
                                                options_.timeout));
  }
}

GrpcEngine::~GrpcEngine() = default;

absl::Status GrpcEngine::Connect(Nanos patience) {
  const gpr_timespec deadline = FromNow(patience);
  // All begin to connect before the first is waited for.
  for (const auto& channel : channels_) channel->GetState(true);
  for (size_t i = 0; i < channels_.size(); ++i) {
    if (channels_[i]->WaitForConnected(deadline)) continue;
    return absl::UnavailableError("cannot connect to " + options_.address +
                                  " (connection " + std::to_string(i + 1) +
                                  " of " + std::to_string(channels_.size()) +
                                  ")");
  }
  return absl::OkStatus();
}

CallPort& GrpcEngine::Port(size_t thread) { return *ports_[thread]; }

size_t GrpcEngine::SlotCount(size_t thread) const {
  return ports_[thread]->slot_count();
}

}  // namespace latchkey::load
