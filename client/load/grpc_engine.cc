#include "client/load/grpc_engine.h"

#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "client/load/calls.h"

namespace latchkey::load {
namespace {

// gRPC waits in whole milliseconds.  Nearer to an instant than this, a port
// polls without waiting, or each request of an open loop would be late by half
// a millisecond.
constexpr Nanos kWaitPrecision = 2 * kNanosPerMilli;

gpr_timespec FromNow(Nanos duration) {
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                      gpr_time_from_nanos(duration, GPR_TIMESPAN));
}

bool IsReplay(const grpc::ClientContext& context) {
  const auto& trailers = context.GetServerTrailingMetadata();
  const auto found = trailers.find("latchkey-replayed");
  return found != trailers.end() && found->second == "1";
}

// How long the server asks its client to wait, or 0.
Nanos PushbackOf(const grpc::ClientContext& context) {
  const auto& trailers = context.GetServerTrailingMetadata();
  const auto found = trailers.find("grpc-retry-pushback-ms");
  if (found == trailers.end()) return 0;
  return ParsePushback({found->second.data(), found->second.size()});
}

}  // namespace

class GrpcPort final : public CallPort {
 public:
  // `channels` are this port's connections.
  GrpcPort(const Channels& channels, const EngineOptions& options);
  ~GrpcPort() override;

  Nanos Now() override { return MonotonicNow(); }
  void Start(size_t slot, const Call& call) override;
  void Cancel(size_t slot) override;
  std::optional<Completion> Poll(Nanos until) override;

  size_t slot_count() const { return slots_.size(); }

 private:
  struct Slot {
    grpc::GenericStub* stub = nullptr;
    Method method = Method::kGet;
    grpc::ByteBuffer request;
    int attempts = 0;
    bool cancelled = false;
    // Made anew for each call, as gRPC demands, but in place.
    std::optional<grpc::ClientContext> context;
    std::unique_ptr<grpc::ClientAsyncResponseReader<grpc::ByteBuffer>> reader;
    grpc::ByteBuffer response;
    // The response in one piece.
    grpc::Slice flat;
    grpc::Status status;
    client::CallError error;
    std::string idempotency_key;
  };

  void Send(size_t slot);
  // Whether the slot's call, which has failed, will be sent again.
  bool Resend(size_t slot);
  void SendDue();

  const Nanos timeout_;
  const int retries_;
  grpc::CompletionQueue queue_;
  std::vector<std::unique_ptr<grpc::GenericStub>> stubs_;
  std::vector<Slot> slots_;
  // Slots whose calls are to be sent again, by when.
  std::multimap<Nanos, size_t> resends_;
};

GrpcPort::GrpcPort(const Channels& channels, const EngineOptions& options)
    : timeout_(options.timeout),
      retries_(options.retries),
      slots_(channels.size() * options.in_flight) {
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
  state.request = grpc::ByteBuffer(&bytes, 1);
  state.method = call.method;
  state.attempts = 0;
  state.cancelled = false;
  state.idempotency_key = KeyOf(call);
  Send(slot);
}

void GrpcPort::Send(size_t slot) {
  Slot& state = slots_[slot];
  state.reader.reset();
  state.context.emplace();
  state.context->set_deadline(FromNow(timeout_));
  if (state.attempts > 0) {
    state.context->AddMetadata("grpc-previous-rpc-attempts",
                               std::to_string(state.attempts));
  }
  ++state.attempts;
  state.reader = state.stub->PrepareUnaryCall(
      &*state.context, PathOf(state.method), state.request, &queue_);
  state.reader->StartCall();
  state.response.Clear();
  state.reader->Finish(&state.response, &state.status,
                       reinterpret_cast<void*>(slot));
  // While it waited to be sent again.
  if (state.cancelled) state.context->TryCancel();
}

void GrpcPort::Cancel(size_t slot) {
  slots_[slot].cancelled = true;
  slots_[slot].context->TryCancel();
}

bool GrpcPort::Resend(size_t slot) {
  const Slot& state = slots_[slot];
  if (state.attempts > retries_ || state.cancelled ||
      !IsRetried(state.status.error_code())) {
    return false;
  }
  resends_.emplace(Now() + PushbackOf(*state.context), slot);
  return true;
}

void GrpcPort::SendDue() {
  while (!resends_.empty() && resends_.begin()->first <= Now()) {
    const size_t slot = resends_.begin()->second;
    resends_.erase(resends_.begin());
    Send(slot);
  }
}

std::optional<Completion> GrpcPort::Poll(Nanos until) {
  void* tag = nullptr;
  bool ok = false;
  size_t slot = 0;
  while (true) {
    SendDue();
    const Nanos wake =
        resends_.empty() ? until : std::min(until, resends_.begin()->first);
    const Nanos left = wake - Now();
    const Nanos wait = left > kWaitPrecision ? left - kWaitPrecision : 0;
    const auto next = queue_.AsyncNext(&tag, &ok, FromNow(wait));
    if (next == grpc::CompletionQueue::GOT_EVENT) {
      slot = reinterpret_cast<size_t>(tag);
      if (slots_[slot].status.ok() || !Resend(slot)) break;
    } else if (Now() >= until) {
      return std::nullopt;
    }
  }
  Slot& state = slots_[slot];
  Completion completion = {.slot = slot,
                           .attempts = state.attempts,
                           .replayed = IsReplay(*state.context),
                           .idempotency_key = state.idempotency_key};
  if (!state.status.ok()) {
    state.error = client::DecodeCallError(state.status);
    completion.error = &state.error;
    completion.outcome = OutcomeOf(state.method, state.attempts, state.error);
    return completion;
  }
  if (!state.response.TrySingleSlice(&state.flat).ok()) {
    const grpc::Status dumped = state.response.DumpToSingleSlice(&state.flat);
    if (!dumped.ok()) state.flat = grpc::Slice();
  }
  completion.response = {reinterpret_cast<const char*>(state.flat.begin()),
                         state.flat.size()};
  return completion;
}

GrpcEngine::GrpcEngine(const EngineOptions& options)
    : options_(options),
      channels_(MakeConnections({.target = options.target,
                                 .connections = options.connections,
                                 // Else the library takes from a retry of ours
                                 // the header that tells the server of it.
                                 .retries = options.retries == 0})) {
  for (const Channels& channels : DealOut(channels_, options_.threads)) {
    ports_.push_back(std::make_unique<GrpcPort>(channels, options_));
  }
}

GrpcEngine::~GrpcEngine() = default;

absl::Status GrpcEngine::Connect(Nanos patience) {
  return ConnectAll(channels_, options_.target.address, patience);
}

CallPort& GrpcEngine::Port(size_t thread) { return *ports_[thread]; }

size_t GrpcEngine::SlotCount(size_t thread) const {
  return ports_[thread]->slot_count();
}

}  // namespace latchkey::load
