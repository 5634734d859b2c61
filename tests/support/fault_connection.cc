#include "tests/support/fault_connection.h"

#include <algorithm>
#include <asio/buffer.hpp>
#include <asio/error.hpp>
#include <asio/write.hpp>
#include <utility>

namespace latchkey {
namespace {

using asio::ip::tcp;

// Reads that empty a socket before it is closed; more than a socket holds.
constexpr int kDrainReadsMax = 1024;

// A socket closed with bytes unread is reset by the kernel, which the other end
// may see instead of the end of the stream.
void DrainAndShutDown(tcp::socket& socket) {
  asio::error_code error;
  socket.shutdown(tcp::socket::shutdown_send, error);
  socket.non_blocking(true, error);
  std::array<uint8_t, FaultProxy::kChunkBytesMax> dropped;
  for (int i = 0; i < kDrainReadsMax && !error; ++i) {
    socket.read_some(asio::buffer(dropped), error);
  }
}

}  // namespace

FaultConnection::FaultConnection(asio::io_context& context, FaultState& state,
                                 tcp::socket client,
                                 std::function<void()> ended)
    : state_(state),
      ended_(std::move(ended)),
      client_(std::move(client)),
      server_(context),
      to_server_(context, client_, server_),
      to_client_(context, server_, client_),
      drop_timer_(context) {}

void FaultConnection::Start(const tcp::endpoint& target,
                            std::shared_ptr<FaultMirror> mirror) {
  mirror_ = std::move(mirror);
  server_.async_connect(
      target, [self = shared_from_this()](const asio::error_code& error) {
        if (self->closed_) return;
        if (error) {
          ++self->state_.counters.unreachable;
          return self->Abort();
        }
        asio::error_code ignored;
        self->client_.set_option(tcp::no_delay(true), ignored);
        self->server_.set_option(tcp::no_delay(true), ignored);
        self->Read(self->to_server_);
        self->Read(self->to_client_);
      });
}

void FaultConnection::Drop(Direction direction) {
  ++state_.counters.drops;
  ForEachPipe(direction, [](Pipe& pipe) { pipe.dropped = true; });
}

void FaultConnection::Resume(Direction direction) {
  ForEachPipe(direction, [this](Pipe& pipe) {
    pipe.dropped = false;
    Advance(pipe);
  });
}

void FaultConnection::Delay(Direction direction,
                            std::chrono::milliseconds time) {
  ForEachPipe(direction, [time](Pipe& pipe) { pipe.delay = time; });
}

void FaultConnection::Truncate(Direction direction, uint64_t bytes) {
  ForEachPipe(direction, [this, bytes](Pipe& pipe) {
    pipe.bytes_left = bytes;
    // What is being written now went before.
    if (bytes == 0 && !pipe.busy) EndTruncated(pipe);
  });
}

void FaultConnection::Reset() {
  if (closed_) return;
  ++state_.counters.resets;
  Abort();
}

template <typename Function>
void FaultConnection::ForEachPipe(Direction direction, Function function) {
  if (direction != Direction::kToClient && !closed_) function(to_server_);
  if (direction != Direction::kToServer && !closed_) function(to_client_);
}

void FaultConnection::Read(Pipe& pipe) {
  pipe.from.async_read_some(
      asio::buffer(pipe.chunk),
      [self = shared_from_this(), &pipe](const asio::error_code& error,
                                         size_t bytes) {
        if (self->closed_) return;
        pipe.full = true;
        pipe.chunk_bytes = bytes;
        pipe.end = error;
        if (&pipe == &self->to_server_ && !error) {
          if (self->mirror_ != nullptr) {
            self->mirror_->Send({pipe.chunk.data(), bytes});
          }
          self->Strike(bytes);
        }
        if (!self->closed_) self->Advance(pipe);
      });
}

void FaultConnection::Advance(Pipe& pipe) {
  if (!pipe.full || pipe.busy || pipe.dropped) return;
  pipe.busy = true;
  const auto delay = std::exchange(pipe.delay, {});
  if (delay.count() == 0) return Forward(pipe);
  ++state_.counters.delays;
  pipe.timer.expires_after(delay);
  pipe.timer.async_wait(
      [self = shared_from_this(), &pipe](const asio::error_code&) {
        if (self->closed_) return;
        // Drop() may have come in between.
        pipe.busy = false;
        self->Advance(pipe);
      });
}

void FaultConnection::Forward(Pipe& pipe) {
  if (pipe.end) return ForwardEnd(pipe);
  size_t bytes = pipe.chunk_bytes;
  bool lose_rest = false;
  if (&pipe == &to_client_) {
    const auto reply = frames_to_client_.Scan({pipe.chunk.data(), bytes});
    if (reply.has_value() && TakeLoss()) {
      bytes = *reply;
      lose_rest = true;
    }
  }
  if (pipe.bytes_left.has_value()) {
    bytes = std::min<uint64_t>(bytes, *pipe.bytes_left);
    *pipe.bytes_left -= bytes;
  }
  asio::async_write(pipe.to, asio::buffer(pipe.chunk, bytes),
                    [self = shared_from_this(), &pipe, lose_rest](
                        const asio::error_code& error, size_t written) {
                      if (self->closed_) return;
                      if (error) return self->Abort();
                      self->HaveWritten(pipe, written, lose_rest);
                    });
}

void FaultConnection::ForwardEnd(Pipe& pipe) {
  if (pipe.end != asio::error::eof) return Abort();
  pipe.full = false;
  pipe.busy = false;
  pipe.ended = true;
  asio::error_code ignored;
  pipe.to.shutdown(tcp::socket::shutdown_send, ignored);
  if (to_server_.ended && to_client_.ended) Close();
}

void FaultConnection::HaveWritten(Pipe& pipe, size_t bytes, bool lose_rest) {
  FaultCounters& counters = state_.counters;
  (&pipe == &to_client_ ? counters.bytes_to_client
                        : counters.bytes_to_server) += bytes;
  if (lose_rest) {
    ++counters.replies_lost;
    return Reset();
  }
  pipe.full = false;
  pipe.busy = false;
  if (pipe.bytes_left == uint64_t{0}) return EndTruncated(pipe);
  Read(pipe);
}

void FaultConnection::Strike(uint64_t bytes) {
  if (!plan_.has_value()) return;
  const auto draw_direction = [this] {
    return plan_->DrawToServer() ? Direction::kToServer : Direction::kToClient;
  };
  switch (plan_->Next(bytes)) {
    case FaultPlan::Kind::kNone:
      return;
    case FaultPlan::Kind::kReset:
      return Reset();
    case FaultPlan::Kind::kLoseReply:
      lose_next_reply_ = true;
      return;
    case FaultPlan::Kind::kTruncate: {
      const Direction direction = draw_direction();
      return Truncate(direction, plan_->DrawTruncateBytes());
    }
    case FaultPlan::Kind::kDelay: {
      const Direction direction = draw_direction();
      return Delay(direction, plan_->DrawDelay());
    }
    case FaultPlan::Kind::kDrop:
      Drop(draw_direction());
      drop_timer_.expires_after(plan_->DrawDrop());
      drop_timer_.async_wait(
          [self = shared_from_this()](const asio::error_code& error) {
            if (!error) self->Reset();
          });
      return;
  }
}

bool FaultConnection::TakeLoss() {
  if (std::exchange(lose_next_reply_, false)) return true;
  if (state_.replies_to_lose == 0) return false;
  --state_.replies_to_lose;
  return true;
}

void FaultConnection::EndTruncated(Pipe& pipe) {
  ++state_.counters.truncations;
  DrainAndShutDown(pipe.to);
  Close();
}

void FaultConnection::Abort() {
  if (closed_) return;
  asio::error_code ignored;
  client_.set_option(asio::socket_base::linger(true, 0), ignored);
  server_.set_option(asio::socket_base::linger(true, 0), ignored);
  Close();
}

void FaultConnection::Close() {
  // Who holds it may let go when it is told of the end.
  const std::shared_ptr<FaultConnection> self = shared_from_this();
  closed_ = true;
  asio::error_code ignored;
  client_.close(ignored);
  server_.close(ignored);
  to_server_.timer.cancel();
  to_client_.timer.cancel();
  drop_timer_.cancel();
  if (mirror_ != nullptr) mirror_->OriginalEnded();
  ended_();
}

}  // namespace latchkey
