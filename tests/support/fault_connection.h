// FaultConnection is one connection of a FaultProxy: a client's socket, one to
// the server, a pipe in each direction, and perhaps a mirror.
//
// A pipe holds one chunk at a time: it reads, does what faults ask for, writes,
// and only then reads again.  So its memory is bounded, and a direction that is
// stopped makes its sender wait.
//
// Thread safety: all of it on the thread of the proxy.

#ifndef LATCHKEY_TESTS_SUPPORT_FAULT_CONNECTION_H_
#define LATCHKEY_TESTS_SUPPORT_FAULT_CONNECTION_H_

#include <array>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "tests/support/fault_mirror.h"
#include "tests/support/fault_proxy.h"
#include "tests/support/http2_frame_scanner.h"
#include "tests/support/random_faults.h"

namespace latchkey {

// What the connections of one proxy share.
struct FaultState {
  FaultCounters counters;
  // Replies on any connection that are still to be lost.
  int replies_to_lose = 0;
};

class FaultConnection : public std::enable_shared_from_this<FaultConnection> {
 public:
  // `state` outlives it; `ended` is called once, when it has closed.
  FaultConnection(asio::io_context& context, FaultState& state,
                  asio::ip::tcp::socket client, std::function<void()> ended);

  // Begins to forward.  Null: no mirror.
  void Start(const asio::ip::tcp::endpoint& target,
             std::shared_ptr<FaultMirror> mirror);

  // See FaultProxy.
  void Drop(Direction direction);
  void Resume(Direction direction);
  void Delay(Direction direction, std::chrono::milliseconds time);
  void Truncate(Direction direction, uint64_t bytes);
  void Reset();

  // From now on; none: no more faults by chance.
  void SetPlan(std::optional<FaultPlan> plan) { plan_ = std::move(plan); }

 private:
  struct Pipe {
    Pipe(asio::io_context& context, asio::ip::tcp::socket& from_socket,
         asio::ip::tcp::socket& to_socket)
        : from(from_socket), to(to_socket), timer(context) {}

    asio::ip::tcp::socket& from;
    asio::ip::tcp::socket& to;
    asio::steady_timer timer;

    std::array<uint8_t, FaultProxy::kChunkBytesMax> chunk;
    size_t chunk_bytes = 0;
    // Why there is no chunk: the end of the stream, or an error.
    asio::error_code end;
    // A chunk or the end has been read and waits to be forwarded.
    bool full = false;
    // It is being written, or held until the timer says so.
    bool busy = false;
    // The end has been forwarded.
    bool ended = false;

    bool dropped = false;
    // For the next chunk.
    std::chrono::milliseconds delay{0};
    // Until all is closed; none: no limit.
    std::optional<uint64_t> bytes_left;
  };

  // Calls `function` with each pipe of `direction`, as long as it is open.
  template <typename Function>
  void ForEachPipe(Direction direction, Function function);

  void Read(Pipe& pipe);
  // Goes on with what `pipe` has read, unless something holds it.
  void Advance(Pipe& pipe);
  void Forward(Pipe& pipe);
  void ForwardEnd(Pipe& pipe);
  void HaveWritten(Pipe& pipe, size_t bytes, bool lose_rest);
  // Lets chance do what it will, now that the client has sent `bytes` more.
  void Strike(uint64_t bytes);
  // Whether the reply that begins now is one to be lost.
  bool TakeLoss();
  void EndTruncated(Pipe& pipe);
  // Closes both sides by RST, which is no fault in itself.
  void Abort();
  void Close();

  FaultState& state_;
  const std::function<void()> ended_;

  asio::ip::tcp::socket client_;
  asio::ip::tcp::socket server_;
  Pipe to_server_;
  Pipe to_client_;
  std::shared_ptr<FaultMirror> mirror_;
  Http2FrameScanner frames_to_client_;
  std::optional<FaultPlan> plan_;
  // Ends a drop that chance began.
  asio::steady_timer drop_timer_;
  bool lose_next_reply_ = false;
  bool closed_ = false;
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SUPPORT_FAULT_CONNECTION_H_
