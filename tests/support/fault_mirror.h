// FaultMirror is the second connection of a FaultProxy's connection: it sends a
// copy of all that the client sends (but for PINGs: http2_ping_filter.h), some
// time later, and drops what the server answers.  HPACK and flow control of
// HTTP/2 hold, since the server sees the same frames from the first one on.
//
// It outlives its original by what it still has to send, and then by
// FaultProxy::kMirrorLinger after the server's last byte, so that the server
// has executed the copies.
//
// Thread safety: all of it on the thread of the proxy.

#ifndef LATCHKEY_TESTS_SUPPORT_FAULT_MIRROR_H_
#define LATCHKEY_TESTS_SUPPORT_FAULT_MIRROR_H_

#include <array>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "tests/support/fault_proxy.h"
#include "tests/support/http2_ping_filter.h"

namespace latchkey {

class FaultMirror : public std::enable_shared_from_this<FaultMirror> {
 public:
  // `counters` outlives it; `ended` is called once, when it has closed.
  FaultMirror(asio::io_context& context, FaultCounters& counters,
              std::chrono::milliseconds lag, std::function<void()> ended);

  void Start(const asio::ip::tcp::endpoint& target);

  // Sends `bytes` when the lag has passed, in order.
  void Send(std::span<const uint8_t> bytes);

  // No more bytes will come.
  void OriginalEnded();

  // Closes at once.
  void Close();

 private:
  struct Piece {
    std::chrono::steady_clock::time_point due;
    std::vector<uint8_t> bytes;
  };

  // Goes on to send, unless something else has to happen first.
  void Advance();
  void Read();
  void Linger();
  // Gives up: what was to be sent is lost.
  void Cut();

  FaultCounters& counters_;
  const std::chrono::milliseconds lag_;
  const std::function<void()> ended_;

  asio::ip::tcp::socket server_;
  asio::steady_timer due_timer_;
  asio::steady_timer linger_timer_;
  std::array<uint8_t, FaultProxy::kChunkBytesMax> dropped_;
  Http2PingFilter pings_;
  std::deque<Piece> pieces_;
  // Of `pieces_`.
  size_t bytes_ = 0;
  // Connects, waits for a piece to be due, or sends one.
  bool busy_ = false;
  bool original_ended_ = false;
  bool closed_ = false;
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SUPPORT_FAULT_MIRROR_H_
