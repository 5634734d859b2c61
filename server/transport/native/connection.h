// Connection is one socket with its Session.  It works in turns: one read, the
// calls in it, and one write of all answers.
//
//   readable -> Session::Receive() -> handlers -> EndTurn() -> written
//
// A turn also follows what a handler does outside of one, and a socket that can
// be written again.  While a client does not read, nothing is taken from the
// session, so that its answers wait there, and when too many wait, nothing is
// read either.
//
// Thread safety: belongs to its worker's thread.

#ifndef LATCHKEY_SERVER_TRANSPORT_NATIVE_CONNECTION_H_
#define LATCHKEY_SERVER_TRANSPORT_NATIVE_CONNECTION_H_

#include <asio/posix/stream_descriptor.hpp>
#include <cstddef>
#include <string>
#include <string_view>

#include "server/base/clock.h"
#include "server/transport/native/session.h"

namespace latchkey {

class Worker;

class Connection {
 public:
  // Takes over `socket`, which is connected and does not block.
  Connection(Worker& worker, int socket, std::string peer);

  // REQUIRES: may_be_destroyed().
  ~Connection();

  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Says the server's part of the handshake and begins to read.
  void Start();

  // Makes a turn follow, unless one is under way.
  void RequestTurn();

  // Checks the limits on time: called every so often.
  void Tick(UnixNanos now);

  // The drain; see Session.
  void AnnounceEnd();
  void SayLastCall();
  void CancelCalls();

  // Closes the socket and ends all calls.
  void Close();

  // Its socket is closed, no call lives, and nothing that was started will come
  // back.
  bool may_be_destroyed() const {
    return closed_ && pending_ == 0 && !session_.has_streams();
  }

  // Called when the last stream of a closed connection is over.
  void RetireIfOver();

  // Whether what is ready can be written at once.
  bool can_write() const {
    return !closed_ && !waits_writable_ && linger_end_ == kNever;
  }

  std::string_view peer() const { return peer_; }

  // The index of the worker's list.
  size_t index = 0;

 private:
  void WaitReadable();
  void WaitWritable();
  void OnReadable();
  bool ReadAll();
  void EndTurn();
  // Sends `bytes`; keeps what the socket does not take for now.
  void Write(std::string_view bytes);
  // Ends the writing side and leaves the client a moment to read what was sent.
  void Linger();

  // Constant after construction.
  Worker& worker_;
  const std::string peer_;

  asio::posix::stream_descriptor socket_;
  Session session_;
  // What the socket did not take.
  std::string unsent_;
  UnixNanos connect_time_ = 0;
  // When the other end last showed that it is there.
  UnixNanos last_heard_ = 0;
  UnixNanos ping_time_ = 0;
  UnixNanos linger_end_ = kNever;
  // Waits and posted turns that will come back.
  int pending_ = 0;
  bool in_turn_ = false;
  bool turn_requested_ = false;
  bool waits_readable_ = false;
  bool waits_writable_ = false;
  bool told_end_ = false;
  bool retired_ = false;
  bool closed_ = false;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_TRANSPORT_NATIVE_CONNECTION_H_
