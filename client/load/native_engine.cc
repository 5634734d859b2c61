#include "client/load/native_engine.h"

#include <algorithm>
#include <asio/executor_work_guard.hpp>
#include <asio/ip/tcp.hpp>
#include <chrono>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/load/calls.h"
#include "proto/wire/message_reader.h"

namespace latchkey::load {
namespace {

// The kernel wakes a thread in whole milliseconds.  Nearer to an instant than
// this, a port polls without waiting, or each request of an open loop would be
// late by half a millisecond.
constexpr Nanos kWaitPrecision = 2 * kNanosPerMilli;

// The host and the port of an address; an IPv6 address stands in brackets.
std::pair<std::string, std::string> SplitAddress(const std::string& address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos) return {address, ""};
  std::string host = address.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  return {host, address.substr(colon + 1)};
}

}  // namespace

class NativePort final : public CallPort {
 public:
  // `connections`: how many of them are this port's.
  NativePort(const NativeTarget& target, size_t connections,
             const EngineOptions& options);

  Nanos Now() override {
    now_ = MonotonicNow();
    return now_;
  }
  void Start(size_t slot, const Call& call) override;
  void Cancel(size_t slot) override;
  std::optional<Completion> Poll(Nanos until) override;

  // Begins to connect, and goes on with it for as long as it takes or until
  // `end`.  Returns the first connection that is not there, or null.
  const NativeConnection* Connect(Nanos end);

  size_t slot_count() const { return slots_.size(); }

 private:
  enum class State { kFree, kRunning, kWaitsForRetry };

  struct Slot {
    NativeCall call;
    NativeConnection* connection = nullptr;
    State state = State::kFree;
    bool cancelled = false;
    Nanos deadline = 0;
    // In running_ while it runs, else in parked_.
    std::list<Slot*>::iterator position;
    std::string idempotency_key;
    client::CallError error;
  };

  void Send(Slot* slot);
  // Ends the call of `slot` without an answer.
  void End(Slot* slot, grpc::StatusCode code, const char* message);
  bool Resend(Slot* slot);
  void EndExpired();
  void SendDue();
  void Flush();
  void RunUntil(Nanos wake);
  Completion Complete(Slot* slot);

  const Nanos timeout_;
  const int retries_;
  PortTurn turn_;
  // Else asio would find nothing to wait for.
  const asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::vector<std::unique_ptr<NativeConnection>> connections_;
  std::vector<Slot> slots_;
  // Calls under way, in the order of their deadlines, since all have the same
  // timeout.
  std::list<Slot*> running_;
  std::list<Slot*> parked_;
  // Slots whose calls are to be sent again, by when.
  std::multimap<Nanos, Slot*> resends_;
  // How many of turn_.ended have been looked at.
  size_t looked_at_ = 0;
  Nanos now_ = 0;
};

NativePort::NativePort(const NativeTarget& target, size_t connections,
                       const EngineOptions& options)
    : timeout_(options.timeout),
      retries_(options.retries),
      work_(turn_.io.get_executor()),
      slots_(connections * options.in_flight) {
  for (size_t i = 0; i < connections; ++i) {
    connections_.push_back(std::make_unique<NativeConnection>(turn_, target));
  }
  for (size_t i = 0; i < slots_.size(); ++i) {
    slots_[i].call.slot = i;
    slots_[i].connection = connections_[i % connections].get();
    slots_[i].position = parked_.insert(parked_.end(), &slots_[i]);
  }
}

void NativePort::Start(size_t index, const Call& call) {
  Slot& slot = slots_[index];
  slot.cancelled = false;
  slot.idempotency_key = KeyOf(call);
  slot.call.method = call.method;
  slot.call.attempts_before = 0;
  std::string& request = slot.call.request;
  const size_t bytes = call.request->ByteSizeLong();
  request.resize(wire::kMessagePrefixBytes + bytes);
  wire::WriteMessagePrefix(static_cast<uint32_t>(bytes), request.data());
  call.request->SerializeWithCachedSizesToArray(
      reinterpret_cast<uint8_t*>(request.data() + wire::kMessagePrefixBytes));
  Send(&slot);
}

void NativePort::Send(Slot* slot) {
  // The loop has just asked for the time.
  slot->deadline = now_ + timeout_;
  slot->state = State::kRunning;
  running_.splice(running_.end(), parked_, slot->position);
  slot->connection->Start(&slot->call, now_);
}

void NativePort::Cancel(size_t index) {
  Slot& slot = slots_[index];
  slot.cancelled = true;
  if (slot.state == State::kWaitsForRetry) {
    std::erase_if(resends_,
                  [&](const auto& due) { return due.second == &slot; });
    turn_.ended.push_back(&slot.call);
    slot.call.answer = {.status = grpc::StatusCode::CANCELLED,
                        .message = "cancelled"};
  } else if (slot.state == State::kRunning) {
    End(&slot, grpc::StatusCode::CANCELLED, "cancelled");
  }
}

void NativePort::End(Slot* slot, grpc::StatusCode code, const char* message) {
  // It may have ended already, and not been looked at.
  const auto unseen = turn_.ended.begin() + static_cast<ptrdiff_t>(looked_at_);
  if (std::find(unseen, turn_.ended.end(), &slot->call) != turn_.ended.end()) {
    return;
  }
  slot->connection->Abandon(&slot->call);
  slot->call.answer = {.status = code, .message = message};
  turn_.ended.push_back(&slot->call);
}

bool NativePort::Resend(Slot* slot) {
  const AnswerHeaders& answer = slot->call.answer;
  if (slot->call.attempts_before >= retries_ || slot->cancelled ||
      !IsRetried(static_cast<grpc::StatusCode>(*answer.status))) {
    return false;
  }
  ++slot->call.attempts_before;
  slot->state = State::kWaitsForRetry;
  resends_.emplace(Now() + answer.pushback, slot);
  return true;
}

void NativePort::SendDue() {
  while (!resends_.empty() && resends_.begin()->first <= now_) {
    Slot* const slot = resends_.begin()->second;
    resends_.erase(resends_.begin());
    Send(slot);
  }
}

void NativePort::EndExpired() {
  for (Slot* const slot : running_) {
    if (slot->deadline > now_) return;
    End(slot, grpc::StatusCode::DEADLINE_EXCEEDED, "deadline exceeded");
  }
}

void NativePort::Flush() {
  // A connection that is lost meanwhile may have something to say again.
  for (size_t i = 0; i < turn_.to_flush.size(); ++i) turn_.to_flush[i]->Flush();
  turn_.to_flush.clear();
}

void NativePort::RunUntil(Nanos wake) {
  if (wake - now_ > kWaitPrecision) {
    turn_.io.run_one_for(std::chrono::nanoseconds(
        std::min(wake - now_ - kWaitPrecision, kNanosPerSecond)));
  } else {
    turn_.io.poll_one();
  }
}

std::optional<Completion> NativePort::Poll(Nanos until) {
  while (true) {
    while (looked_at_ < turn_.ended.size()) {
      Slot* const slot = &slots_[turn_.ended[looked_at_++]->slot];
      parked_.splice(parked_.end(),
                     slot->state == State::kRunning ? running_ : parked_,
                     slot->position);
      if (!Resend(slot)) return Complete(slot);
    }
    turn_.ended.clear();
    looked_at_ = 0;
    Now();
    SendDue();
    EndExpired();
    Flush();
    if (!turn_.ended.empty()) continue;
    Nanos wake = until;
    if (!resends_.empty()) wake = std::min(wake, resends_.begin()->first);
    if (!running_.empty()) wake = std::min(wake, running_.front()->deadline);
    RunUntil(wake);
    if (turn_.ended.empty() && Now() >= until) return std::nullopt;
  }
}

Completion NativePort::Complete(Slot* slot) {
  slot->state = State::kFree;
  const AnswerHeaders& answer = slot->call.answer;
  Completion completion = {.slot = static_cast<size_t>(slot - slots_.data()),
                           .attempts = slot->call.attempts_before + 1,
                           .replayed = answer.replayed,
                           .idempotency_key = slot->idempotency_key};
  if (*answer.status == grpc::StatusCode::OK) {
    completion.response =
        std::string_view(slot->call.body).substr(wire::kMessagePrefixBytes);
    return completion;
  }
  slot->error =
      client::DecodeCallError({static_cast<grpc::StatusCode>(*answer.status),
                               answer.message, answer.details});
  completion.error = &slot->error;
  completion.outcome =
      OutcomeOf(slot->call.method, completion.attempts, slot->error);
  return completion;
}

const NativeConnection* NativePort::Connect(Nanos end) {
  while (true) {
    const NativeConnection* missing = nullptr;
    for (const auto& connection : connections_) {
      connection->Connect(Now());
      if (!connection->is_ready() && missing == nullptr) {
        missing = connection.get();
      }
    }
    Flush();
    if (missing == nullptr || now_ >= end) return missing;
    // Looks again at those that have failed.
    turn_.io.run_one_for(
        std::chrono::nanoseconds(std::min(end - now_, kReconnectPause)));
  }
}

NativeEngine::NativeEngine(const EngineOptions& options) : options_(options) {
  const Target& target = options_.target;
  target_ = {.address = target.address,
             .tls = target.tls.get(),
             .server_name = target.server_name,
             .session = {.authority = target.address,
                         .tls = target.tls != nullptr,
                         .token = target.token,
                         .timeout = options_.timeout}};
  if (target_.server_name.empty()) {
    target_.server_name = SplitAddress(target.address).first;
  }
  for (size_t thread = 0; thread < options_.threads; ++thread) {
    // Dealt out in turn.
    const size_t connections =
        (options_.connections - thread + options_.threads - 1) /
        options_.threads;
    ports_.push_back(
        std::make_unique<NativePort>(target_, connections, options_));
  }
}

NativeEngine::~NativeEngine() = default;

absl::Status NativeEngine::Connect(Nanos patience) {
  const Nanos end = MonotonicNow() + patience;
  const auto [host, port] = SplitAddress(target_.address);
  asio::io_context io;
  asio::ip::tcp::resolver resolver(io);
  asio::error_code error;
  const auto found = resolver.resolve(host, port, error);
  if (error) {
    return absl::UnavailableError(absl::StrCat(
        "cannot connect to ", target_.address, ": ", error.message()));
  }
  target_.endpoints.assign(found.begin(), found.end());
  // All begin to connect before the first is waited for.
  for (const auto& port_of_thread : ports_) port_of_thread->Connect(0);
  for (const auto& port_of_thread : ports_) {
    const NativeConnection* const missing = port_of_thread->Connect(end);
    if (missing == nullptr) continue;
    return absl::UnavailableError(
        missing->problem().empty()
            ? absl::StrCat("cannot connect to ", target_.address,
                           ": it does not answer as HTTP/2")
            : missing->problem());
  }
  return absl::OkStatus();
}

CallPort& NativeEngine::Port(size_t thread) { return *ports_[thread]; }

size_t NativeEngine::SlotCount(size_t thread) const {
  return ports_[thread]->slot_count();
}

}  // namespace latchkey::load
