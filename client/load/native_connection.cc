#include "client/load/native_connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <asio/connect.hpp>
#include <cerrno>
#include <cstring>
#include <utility>

#include "client/load/calls.h"

namespace latchkey::load {
namespace {

// Holds the answers to some hundred calls.
constexpr size_t kReadBufferBytes = 64 * 1024;

// asio leaves its locks out where it is told of one thread.
constexpr int kOneThread = 1;

}  // namespace

PortTurn::PortTurn() : io(kOneThread), read_buffer(kReadBufferBytes) {}

NativeConnection::NativeConnection(PortTurn& turn, const NativeTarget& target)
    : turn_(turn), target_(target), socket_(turn.io) {}

void NativeConnection::Connect(Nanos now) {
  if (state_ == State::kClosed && now >= retry_time_) Dial();
}

void NativeConnection::Start(NativeCall* call, Nanos now) {
  if (state_ == State::kReady && session_->MayStart() && waiting_.empty()) {
    session_->Start(call);
    RequestFlush();
    return;
  }
  call->Reset();
  if (state_ == State::kClosed && now < retry_time_) {
    EndAsUnavailable(call);
    return;
  }
  waiting_.push_back(call);
  Connect(now);
}

void NativeConnection::Abandon(NativeCall* call) {
  if (call->stream == 0) {
    std::erase(waiting_, call);
    return;
  }
  session_->Abandon(call);
  AfterReceive();
}

void NativeConnection::Dial() {
  state_ = State::kConnecting;
  const uint64_t epoch = ++epoch_;
  asio::async_connect(socket_, target_.endpoints,
                      [this, epoch](const asio::error_code& error,
                                    const asio::ip::tcp::endpoint&) {
                        if (epoch == epoch_) OnDialled(error);
                      });
}

void NativeConnection::OnDialled(const asio::error_code& error) {
  if (error) {
    Lose(error.message());
    return;
  }
  asio::error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket_.non_blocking(true, ignored);
  session_.emplace(target_.session, &turn_.ended);
  if (target_.tls != nullptr) {
    tls_.emplace(target_.tls, target_.server_name);
    if (!Receive("")) return;
  }
  RequestFlush();
  WaitReadable();
}

void NativeConnection::WaitReadable() {
  socket_.async_wait(asio::socket_base::wait_read,
                     [this, epoch = epoch_](const asio::error_code&) {
                       if (epoch == epoch_) OnReadable();
                     });
}

void NativeConnection::WaitWritable() {
  waits_writable_ = true;
  socket_.async_wait(asio::socket_base::wait_write,
                     [this, epoch = epoch_](const asio::error_code&) {
                       if (epoch != epoch_) return;
                       waits_writable_ = false;
                       RequestFlush();
                     });
}

void NativeConnection::OnReadable() {
  std::vector<char>& buffer = turn_.read_buffer;
  const ssize_t size =
      recv(socket_.native_handle(), buffer.data(), buffer.size(), 0);
  if (size == 0) {
    Lose("the server closed it");
    return;
  }
  if (size < 0) {
    if (errno != EAGAIN && errno != EINTR) {
      Lose(std::strerror(errno));
      return;
    }
  } else if (!Receive({buffer.data(), static_cast<size_t>(size)})) {
    return;
  }
  const uint64_t epoch = epoch_;
  AfterReceive();
  if (epoch == epoch_ && state_ != State::kClosed) WaitReadable();
}

bool NativeConnection::Receive(std::string_view bytes) {
  if (!tls_) {
    if (session_->Receive(bytes)) return true;
    Lose(session_->error());
    return false;
  }
  turn_.plain.clear();
  const bool goes_on = tls_->Open(bytes, &turn_.plain, &sealed_);
  if (!session_->Receive(turn_.plain)) {
    Lose(session_->error());
    return false;
  }
  if (!goes_on) Lose(tls_->error());
  return goes_on;
}

void NativeConnection::AfterReceive() {
  if (session_->is_ready()) state_ = State::kReady;
  std::vector<NativeCall*> returned = session_->TakeReturned();
  for (NativeCall* const call : returned) call->Reset();
  waiting_.insert(waiting_.begin(), returned.begin(), returned.end());
  if (session_->is_over() && !session_->has_calls()) {
    Close();
    if (!waiting_.empty()) Dial();
    return;
  }
  while (!waiting_.empty() && session_->MayStart()) {
    session_->Start(waiting_.front());
    waiting_.pop_front();
  }
  RequestFlush();
}

void NativeConnection::RequestFlush() {
  if (flush_requested_) return;
  flush_requested_ = true;
  turn_.to_flush.push_back(this);
}

void NativeConnection::Flush() {
  flush_requested_ = false;
  if (!session_ || waits_writable_) return;
  std::string* bytes = session_->output();
  if (tls_) {
    if (tls_->is_established()) {
      if (!tls_->Seal(*bytes, &sealed_)) {
        Lose(tls_->error());
        return;
      }
      bytes->clear();
    }
    bytes = &sealed_;
  }
  while (flushed_bytes_ < bytes->size()) {
    const ssize_t size =
        send(socket_.native_handle(), bytes->data() + flushed_bytes_,
             bytes->size() - flushed_bytes_, MSG_NOSIGNAL);
    if (size >= 0) {
      flushed_bytes_ += static_cast<size_t>(size);
    } else if (errno == EAGAIN) {
      WaitWritable();
      return;
    } else if (errno != EINTR) {
      // What the server has said before is still to be read.
      return;
    }
  }
  bytes->clear();
  flushed_bytes_ = 0;
}

void NativeConnection::Lose(const std::string& why) {
  const bool was_ready = state_ == State::kReady;
  // Before Close(), which ends the session that `why` may belong to.
  problem_ = was_ready ? "the connection was lost: " + why
                       : "cannot connect to " + target_.address + ": " + why;
  std::vector<NativeCall*> calls;
  if (session_) calls = session_->TakeCalls();
  Close();
  for (NativeCall* const call : calls) EndAsUnavailable(call);
  if (was_ready) {
    if (!waiting_.empty()) Dial();
    return;
  }
  retry_time_ = MonotonicNow() + kReconnectPause;
  for (NativeCall* const call : std::exchange(waiting_, {})) {
    EndAsUnavailable(call);
  }
}

void NativeConnection::Close() {
  state_ = State::kClosed;
  ++epoch_;
  asio::error_code ignored;
  socket_.close(ignored);
  session_.reset();
  tls_.reset();
  sealed_.clear();
  flushed_bytes_ = 0;
  waits_writable_ = false;
}

void NativeConnection::EndAsUnavailable(NativeCall* call) {
  call->answer = {.status = grpc::StatusCode::UNAVAILABLE, .message = problem_};
  turn_.ended.push_back(call);
}

}  // namespace latchkey::load
