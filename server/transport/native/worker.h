// Worker is one thread of the native transport with the connections that live
// on it, and what they share: memory budgets, recycled streams, timers.
//
// Thread safety: Adopt(), Post(), the drain's methods and the counters may be
// used from any thread, Start() and Stop() by the owner; the rest belongs to
// the worker's thread.

#ifndef LATCHKEY_SERVER_TRANSPORT_NATIVE_WORKER_H_
#define LATCHKEY_SERVER_TRANSPORT_NATIVE_WORKER_H_

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <future>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "server/base/clock.h"
#include "server/rpc/method_table.h"
#include "server/rpc/peer_loads.h"
#include "server/rpc/point_lane.h"
#include "server/transport/native/address_counts.h"
#include "server/transport/native/connection.h"
#include "server/transport/native/options.h"
#include "server/transport/native/session.h"
#include "server/transport/native/session_settings.h"
#include "server/transport/native/stream.h"

namespace latchkey {

class Worker {
 public:
  // All references must outlive the worker.
  Worker(const NativeServerOptions& options, const MethodTable& methods,
         const Clock& clock, AddressCounts& address_counts);

  // REQUIRES: was never started, or was stopped.
  ~Worker();

  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void Start();

  // Ends the thread.  REQUIRES: the future of Drain() is ready.
  void Stop();

  // Takes over a connected socket.
  void Adopt(int socket, std::string network);

  // From now on new calls are refused with UNAVAILABLE, DRAINING.
  void StartRefusing();

  // Tells all clients that their connections end, twice: that it will be soon,
  // and which call was the last one.  The future is ready when no connection is
  // left.  At most once.
  std::future<void> Drain();

  // Cancels what still runs.
  void CancelCalls();

  // Closes all sockets.
  void CloseConnections();

  // Connections that are here or on their way.
  int connections() const {
    return connections_placed_.load(std::memory_order_relaxed);
  }

  // Calls whose handlers have not ended.
  int64_t live_calls() const {
    return live_calls_.load(std::memory_order_relaxed);
  }

  // Runs `function` on the worker's thread.
  template <typename Function>
  void Post(Function function) {
    asio::post(io_, std::move(function));
  }

  // Whether the calling thread is the worker's.
  bool IsCurrent() const;

  // For connections and streams.
  std::unique_ptr<Stream> TakeStream();
  void GiveBack(std::unique_ptr<Stream> stream);
  void SetTimer(Stream& stream, UnixNanos time);
  void CancelTimer(Stream& stream);
  void Remove(Connection& connection);

  // Where too much of something that all connections share is used: closes the
  // connection that uses most of it, if that is more than twice what `asker`
  // does.  So who has little is not refused for who has taken all.
  void MakeRoom(size_t (*use)(const Session&), const Session& asker);

  // A connection's turn begins at `now`, and is over when it has taken what one
  // may at a time; calls that it runs have their own limit (PointLane).
  void BeginTurn(UnixNanos now) {
    turn_begin_ = now;
    worked_before_turn_ = lane_.worked();
  }
  bool TurnIsOver() const {
    return clock_.Now() - turn_begin_ -
               (lane_.worked() - worked_before_turn_) >=
           kTurnTimeMax;
  }

  // The turn is over, and was of `load`.
  void EndTurn(PeerLoads::Load& load) {
    const UnixNanos now = clock_.Now();
    lane_.loads().Count(load, now - turn_begin_, now);
  }

  // Lets a connection that would do more than one turn's work wait in a line.
  // Of this one gets a turn whenever all others had theirs, so that they never
  // wait for more than one such.  A turn cannot be interrupted, and can take
  // long (a message of a few kilobytes inflates to megabytes): after it calls
  // of others that wait have as much time before the next one.
  void WaitInLine(Connection& connection);

  PeerLoads& loads() { return lane_.loads(); }

  // How much a connection may read at a time: what it does not get through has
  // to be kept, and they may be many.
  size_t read_bytes_max() const {
    return line_.size() < kLongLine ? read_buffer_.size()
                                    : read_buffer_.size() / 4;
  }
  void CountCall(int change) {
    // Only this thread writes.
    live_calls_.store(live_calls_.load(std::memory_order_relaxed) + change,
                      std::memory_order_relaxed);
  }

  PointLane& lane() { return lane_; }
  asio::io_context& io() { return io_; }
  const NativeServerOptions& options() const { return options_; }
  const MethodTable& methods() const { return methods_; }
  const Clock& time_source() const { return clock_; }
  const SessionSettings& session_settings() const { return settings_; }
  bool refusing() const { return refusing_; }

  // What a turn reads into, and what it writes from: no connection keeps either
  // beyond its turn.
  std::vector<char>& read_buffer() { return read_buffer_; }
  std::string& output() { return output_; }

  // The same for a connection with TLS: what was decrypted, and encrypted.
  std::vector<char>& opened_buffer() { return opened_buffer_; }
  std::string& sealed_output() { return sealed_output_; }

  // This worker's part of the limits that are meant for all of them: a division
  // takes longer than most of what is done for a call.
  struct Parts {
    explicit Parts(const NativeServerOptions& options);

    int64_t calls_max;
    int64_t about_server_calls_max;
    size_t request_bytes_max;
    size_t reply_bytes_max;
  };
  const Parts& parts() const { return parts_; }

  // Of the live calls, those that are about the server.
  int64_t about_server_calls = 0;

  // What requests and answers hold in memory.
  size_t request_bytes = 0;
  size_t reply_bytes = 0;

 private:
  static constexpr Nanos kTurnTimeMax = 500 * kNanosPerMicro;
  static constexpr size_t kLongLine = 64;

  // Runs `function` when all has been read that can be read by now.
  template <typename Function>
  void PostAfterReading(Function function);

  void MoveLine();
  void AdvanceLine();
  void RequestPass();
  void ArmTick();
  void ArmTimer();
  void RunTimers();
  void TellWhetherDrained();
  // A connection of `network` is no more.
  void CountEnd(const std::string& network);

  // Constant after construction.
  const NativeServerOptions& options_;
  const MethodTable& methods_;
  const Clock& clock_;
  AddressCounts& address_counts_;
  const SessionSettings settings_;
  const Parts parts_;

  // Synchronises itself.
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_ =
      asio::make_work_guard(io_);
  // Statistics, and how the listener chooses a worker: relaxed is enough.
  std::atomic<int> connections_placed_ = 0;
  std::atomic<int64_t> live_calls_ = 0;

  // Belongs to the worker's thread.
  std::vector<char> read_buffer_;
  std::string output_;
  std::vector<char> opened_buffer_;
  std::string sealed_output_;
  PointLane lane_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<std::unique_ptr<Stream>> idle_streams_;
  // Many may have the same time.
  std::set<std::pair<UnixNanos, Stream*>> timers_;
  std::deque<Connection*> line_;
  // Until when calls of others go before the line.
  UnixNanos line_rest_end_ = 0;
  UnixNanos turn_begin_ = 0;
  Nanos worked_before_turn_ = 0;
  asio::steady_timer timer_{io_};
  UnixNanos timer_armed_for_ = kNever;
  asio::steady_timer tick_{io_};
  bool ticking_ = false;
  bool refusing_ = false;
  bool draining_ = false;
  bool told_drained_ = false;
  std::promise<void> drained_;

  std::thread thread_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_TRANSPORT_NATIVE_WORKER_H_
