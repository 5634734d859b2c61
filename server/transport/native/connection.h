// Connection is one socket with its Session.  It works in turns: one read, the
// calls in it, and one write of all answers.
//
// The first bytes show whether the client speaks HTTP/2, or HTTP/1.1, with an
// Http1Session between the socket and the session; with TLS, ALPN does.
//
//   readable -> Session::Receive() -> handlers -> EndTurn() -> written
//
// With TLS, a TlsStream stands between the socket and these; until its
// handshake is over they say nothing.
//
// A turn also follows what a handler does outside of one, and a socket that can
// be written again.  While a client does not read, nothing is taken from the
// session, so that its answers wait there, and when too many wait, nothing is
// read either.
//
// Thread safety: belongs to its worker's thread.

#ifndef LATCHKEY_SERVER_TRANSPORT_NATIVE_CONNECTION_H_
#define LATCHKEY_SERVER_TRANSPORT_NATIVE_CONNECTION_H_

#include <asio/io_context.hpp>
#include <asio/posix/basic_stream_descriptor.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "server/access/token_table.h"
#include "server/base/clock.h"
#include "server/rpc/peer_loads.h"
#include "server/transport/native/http1_session.h"
#include "server/transport/native/session.h"
#include "server/transport/native/tls_stream.h"

namespace latchkey {

class Worker;

class Connection {
 public:
  // Takes over `socket`, which is connected and does not block.
  Connection(Worker& worker, int socket, const std::string& network);

  // REQUIRES: may_be_destroyed().
  ~Connection();

  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Begins to read.
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

  // The same, and gives back what it holds before this returns.  REQUIRES: no
  // turn of this connection is under way.
  void CloseNow();
  bool is_closed() const { return closed_; }

  const Session& session() const { return session_; }

  // Its socket is closed, no call lives, and nothing that was started will come
  // back.
  bool may_be_destroyed() const {
    return closed_ && pending_ == 0 && !session_.has_streams();
  }

  // Its turn in the worker's line has come.
  void TakeTurnInLine();

  // Called when the last stream of a closed connection is over.
  void RetireIfOver();

  // Whether what is ready can be written at once.
  bool can_write() const {
    return !closed_ && !waits_writable_ && linger_end_ == kNever;
  }

  // As Listener has it.
  const std::string& network() const { return load_.network(); }

  // What its address takes of the thread.
  PeerLoads::Load& load() { return load_; }

  // The principal of the client's certificate; empty without one.
  const Principal& client_name() const;

  // The index of the worker's list.
  size_t index = 0;

 private:
  enum class Protocol : uint8_t { kUnknown, kHttp2, kHttp1 };

  // asio's usual one holds an executor of any kind, which is six times as
  // large.
  using Socket =
      asio::posix::basic_stream_descriptor<asio::io_context::executor_type>;

  // What a connection has with TLS only.
  struct Tls {
    explicit Tls(const TlsIdentity& identity) : stream(identity) {}

    TlsStream stream;
    // Known when the handshake is over, before the first call.
    Principal client_name;
    // What the socket gave, and waits for a turn in the line.
    std::string unreceived;
  };

  // The other end shows that it is there.
  void Hear(UnixNanos now) {
    last_heard_ = now;
    pinged_ = false;
  }
  void WaitReadable();
  void WaitWritable();
  // Ends a connection that is too old, step by step.
  void TickAge(UnixNanos now);
  void OnReadable();
  void OnWritable();
  void TakeTurn();
  // Whether it has its turns in the worker's line.
  bool GoesBehind() const;
  void WaitInLine();
  // Whether too much waits to be written, or understood, for anything to be
  // read.
  bool MustWait() const {
    return http1_ == nullptr ? waits_writable_ && session_.is_congested()
                             : http1_->is_congested();
  }
  bool ReadAll();
  // Takes what was read, and keeps what the turn has no time for; returns false
  // where the connection is over.
  bool Receive(std::string_view bytes);
  bool ReceivePlain(std::string_view bytes);
  bool ReceiveSealed(std::string_view* sealed);
  bool has_unreceived() const {
    return !unreceived_.empty() ||
           (tls_ != nullptr && !tls_->unreceived.empty()) ||
           (http1_ != nullptr && http1_->has_unreceived());
  }
  // Finds out what the client speaks, of the first bytes and `*bytes`; returns
  // false where more must come.
  bool FindProtocol(std::string_view* bytes);
  void UseHttp2();
  void UseHttp1();
  // The limits on time of either protocol.
  void TickHttp1(UnixNanos now);
  void TickHttp2(UnixNanos now);
  bool is_done() const {
    return http1_ == nullptr ? session_.is_done() : http1_->is_done();
  }
  // Keeps what TLS itself has to say while the socket takes nothing.
  bool KeepReply(std::string* reply);
  void EndTurn();
  // Fills `sealed` with what is to be sent; `output` is for the same in plain,
  // and may be `sealed` itself without TLS.
  bool FillOutput(std::string* output, std::string* sealed);
  // Counts what was not taken as what answers hold.
  void CountUnsent();
  // Sends `bytes`; keeps what the socket does not take for now.
  void Write(std::string_view bytes);
  // Ends the writing side and leaves the client a moment to read what was sent.
  void Linger();

  // Constant after construction.
  Worker& worker_;
  PeerLoads::Load& load_;
  Socket socket_;
  // Null without TLS.
  const std::unique_ptr<Tls> tls_;
  Session session_;
  // Null where the client speaks HTTP/2.
  std::unique_ptr<Http1Session> http1_;
  // What the socket did not take.
  std::string unsent_;
  size_t unsent_counted_ = 0;
  // What was read, and decrypted with TLS, and waits for a turn in the line.
  std::string unreceived_;
  UnixNanos connect_time_ = 0;
  // When it is too old.
  UnixNanos age_end_ = kNever;
  // When the other end last showed that it is there.
  UnixNanos last_heard_ = 0;
  UnixNanos linger_end_ = kNever;
  // Waits and posted turns that will come back.
  int pending_ = 0;
  // Times that TLS had to say something since the socket takes nothing.
  int replies_kept_ = 0;
  Protocol protocol_ = Protocol::kUnknown;
  // How many bytes came of what HTTP/2 begins with, before it was sure.
  uint8_t first_bytes_ = 0;
  // What of the end of a connection that is too old was done.
  uint8_t age_step_ = 0;
  // It was pinged since it was last heard.
  bool pinged_ = false;
  bool in_turn_ = false;
  bool turn_requested_ = false;
  bool waits_readable_ = false;
  bool waits_writable_ = false;
  bool waits_in_line_ = false;
  // Its last turn ended before it had read all.
  bool is_greedy_ = false;
  bool told_end_ = false;
  bool retired_ = false;
  bool closed_ = false;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_TRANSPORT_NATIVE_CONNECTION_H_
