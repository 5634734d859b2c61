#include "tests/support/fault_mirror.h"

#include <asio/buffer.hpp>
#include <asio/write.hpp>
#include <utility>

namespace latchkey {

FaultMirror::FaultMirror(asio::io_context& context, FaultCounters& counters,
                         std::chrono::milliseconds lag,
                         std::function<void()> ended)
    : counters_(counters),
      lag_(lag),
      ended_(std::move(ended)),
      server_(context),
      due_timer_(context),
      linger_timer_(context) {}

void FaultMirror::Start(const asio::ip::tcp::endpoint& target) {
  busy_ = true;
  server_.async_connect(
      target, [self = shared_from_this()](const asio::error_code& error) {
        if (self->closed_) return;
        self->busy_ = false;
        if (error) return self->Cut();
        asio::error_code ignored;
        self->server_.set_option(asio::ip::tcp::no_delay(true), ignored);
        self->Read();
        self->Advance();
      });
}

void FaultMirror::Send(std::span<const uint8_t> bytes) {
  if (closed_) return;
  std::vector<uint8_t> piece = pings_.Filter(bytes);
  if (bytes_ + piece.size() > FaultProxy::kMirrorBytesMax) return Cut();
  bytes_ += piece.size();
  pieces_.push_back({.due = std::chrono::steady_clock::now() + lag_,
                     .bytes = std::move(piece)});
  Advance();
}

void FaultMirror::OriginalEnded() {
  original_ended_ = true;
  if (!closed_) Advance();
}

void FaultMirror::Close() {
  if (closed_) return;
  // Who holds it may let go when it is told of the end.
  const std::shared_ptr<FaultMirror> self = shared_from_this();
  closed_ = true;
  asio::error_code ignored;
  server_.close(ignored);
  due_timer_.cancel();
  linger_timer_.cancel();
  ended_();
}

void FaultMirror::Advance() {
  if (busy_) return;
  if (pieces_.empty()) {
    if (original_ended_) Linger();
    return;
  }
  busy_ = true;
  const Piece& piece = pieces_.front();
  if (piece.due > std::chrono::steady_clock::now()) {
    due_timer_.expires_at(piece.due);
    due_timer_.async_wait([self = shared_from_this()](const asio::error_code&) {
      if (self->closed_) return;
      self->busy_ = false;
      self->Advance();
    });
    return;
  }
  asio::async_write(
      server_, asio::buffer(piece.bytes),
      [self = shared_from_this()](const asio::error_code& error, size_t) {
        if (self->closed_) return;
        self->busy_ = false;
        if (error) return self->Cut();
        self->counters_.bytes_mirrored += self->pieces_.front().bytes.size();
        self->bytes_ -= self->pieces_.front().bytes.size();
        self->pieces_.pop_front();
        self->Advance();
      });
}

void FaultMirror::Read() {
  server_.async_read_some(
      asio::buffer(dropped_),
      [self = shared_from_this()](const asio::error_code& error, size_t) {
        if (self->closed_) return;
        if (error) {
          // A server that has seen the whole may close as it likes.
          const bool all_sent = self->pieces_.empty() && self->original_ended_;
          return all_sent ? self->Close() : self->Cut();
        }
        if (self->pieces_.empty() && self->original_ended_) self->Linger();
        self->Read();
      });
}

void FaultMirror::Linger() {
  linger_timer_.expires_after(FaultProxy::kMirrorLinger);
  linger_timer_.async_wait(
      [self = shared_from_this()](const asio::error_code& error) {
        if (!error) self->Close();
      });
}

void FaultMirror::Cut() {
  ++counters_.mirrors_cut;
  Close();
}

}  // namespace latchkey
