// NativeConnection is a connection of the native engine: it connects when there
// is a call to send, and again when it was lost, and gives its calls to an
// Http2Session.
//
// A call ends as UNAVAILABLE where the connection breaks under it, or cannot be
// made; after that no other attempt is made for kReconnectPause.  A server that
// wants to end a connection is given no more calls: what is under way goes on,
// and the calls that come meanwhile, or that the server says it never looked
// at, wait for that to end and go to a new connection.
//
// Thread safety: belongs to its port's thread.

#ifndef LATCHKEY_CLIENT_LOAD_NATIVE_CONNECTION_H_
#define LATCHKEY_CLIENT_LOAD_NATIVE_CONNECTION_H_

#include <openssl/ssl.h>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/load/engine.h"
#include "client/load/header_codec.h"
#include "client/load/http2_session.h"
#include "client/load/native_call.h"
#include "client/load/tls_session.h"

namespace latchkey::load {

inline constexpr Nanos kReconnectPause = 100 * kNanosPerMilli;

class NativeConnection;

// What the connections of a port share.
struct PortTurn {
  PortTurn();

  asio::io_context io;
  // Calls that have ended and not been looked at.
  std::vector<NativeCall*> ended;
  // Connections with something to send.
  std::vector<NativeConnection*> to_flush;
  // For the length of a read.
  std::vector<char> read_buffer;
  std::string plain;
};

// To whom all connections of an engine go, and what they say there.
struct NativeTarget {
  std::string address;
  std::vector<asio::ip::tcp::endpoint> endpoints;
  // Null: plain text.
  SSL_CTX* tls = nullptr;
  // Whom its certificate must be for.
  std::string server_name;
  SessionOptions session;
};

class NativeConnection {
 public:
  // Both outlive the connection, and `turn` runs no handler after its end.
  NativeConnection(PortTurn& turn, const NativeTarget& target);

  NativeConnection(const NativeConnection&) = delete;
  NativeConnection& operator=(const NativeConnection&) = delete;

  // Connects, unless it has, or is about to, or has failed to just before
  // `now`.
  void Connect(Nanos now);
  bool is_ready() const { return state_ == State::kReady; }
  // Why it is not connected.
  const std::string& problem() const { return problem_; }

  // Sends a call, which lives until it has ended or was abandoned.
  void Start(NativeCall* call, Nanos now);
  // Gives up on a call that has not ended.
  void Abandon(NativeCall* call);

  // Sends what there is to send.
  void Flush();

 private:
  enum class State { kClosed, kConnecting, kReady };

  void Dial();
  void OnDialled(const asio::error_code& error);
  void WaitReadable();
  void WaitWritable();
  void OnReadable();
  // Returns false where the connection was lost.
  bool Receive(std::string_view bytes);
  // Goes on as the session's state now demands.
  void AfterReceive();
  void StartWaiting();
  void RequestFlush();
  void Lose(const std::string& why);
  void Close();
  void EndAsUnavailable(NativeCall* call);

  // Constant after construction.
  PortTurn& turn_;
  const NativeTarget& target_;

  State state_ = State::kClosed;
  asio::ip::tcp::socket socket_;
  // Of the socket; what was begun for another one is not gone on with.
  uint64_t epoch_ = 0;
  std::optional<TlsSession> tls_;
  std::optional<Http2Session> session_;
  // With TLS: what goes to the socket.
  std::string sealed_;
  // How much of what goes to the socket has been sent.
  size_t flushed_bytes_ = 0;
  bool flush_requested_ = false;
  bool waits_writable_ = false;
  // Calls that the session does not take now.
  std::deque<NativeCall*> waiting_;
  Nanos retry_time_ = 0;
  std::string problem_;
};

}  // namespace latchkey::load

#endif  // LATCHKEY_CLIENT_LOAD_NATIVE_CONNECTION_H_
