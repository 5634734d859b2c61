// What the native transport allows its clients.  Only what an operator needs is
// also an option of latchkeyd; the rest is here to be named and to be made
// small by tests.

#ifndef LATCHKEY_SERVER_TRANSPORT_NATIVE_OPTIONS_H_
#define LATCHKEY_SERVER_TRANSPORT_NATIVE_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "server/base/clock.h"

namespace latchkey {

class LimitsKeeper;
class TlsKeeper;
class TokenKeeper;

struct NativeServerOptions {
  // An IPv4 or IPv6 address, without brackets, or a name.
  std::string host = "127.0.0.1";

  // 0: the system chooses one.
  int port = 0;

  // What connections are encrypted with; null: they are not.  Must outlive the
  // server.
  const TlsKeeper* tls = nullptr;

  // By what calls are told from whom they come; null: they are not.  Must
  // outlive the server.
  const TokenKeeper* tokens = nullptr;

  // What each of them may use; null: as much as it likes.  Must outlive the
  // server.
  LimitsKeeper* limits = nullptr;

  // Origins whose pages may call, as "https://example.org", or "*": all.
  std::vector<std::string> cors_origins;

  // Threads; each has connections of its own.
  int threads = 1;

  // Connections in all.  One more is closed as it comes.  An idle one costs
  // up to 16 KiB, so that this many are 160 MiB; twice that with TLS.
  int connections_max = 10'000;

  // Of those, how many one address may have (of IPv6, its first 64 bits).  0:
  // half of all, and as many as there are for this machine itself, where one
  // address often stands for many clients.
  int connections_per_address_max = 0;

  // The largest request message, as sent and as inflated.
  size_t message_bytes_max = 4 * 1024 * 1024;

  // All headers of one request: names, values, and 32 bytes for each, as HTTP/2
  // counts.  Ours are some hundred bytes; this leaves room for tokens and
  // traces.
  size_t metadata_bytes_max = 16 * 1024;

  // Calls in flight on one connection, counted until their handlers end.  A
  // client with more opens another; the bundled ones stay far below.
  int calls_per_connection_max = 1'000;

  // Calls in flight in all, counted likewise: a few kilobytes each.
  int64_t calls_max = 100'000;

  // As both, for calls about the server itself, as its health, which come on
  // top.  One that watches the health lasts as long as its connection.
  int about_server_calls_per_connection_max = 100;
  int64_t about_server_calls_max = 10'000;

  // The deadline of a unary call whose client gave none, so that nothing waits
  // here for ever.
  Nanos call_time_max = 10 * kNanosPerSecond;

  // What requests that are not whole yet may hold in memory in all, in bytes;
  // what comes then is refused.  64 requests of the largest size.
  size_t request_bytes_max = 256 * 1024 * 1024;

  // What answers that their clients do not read may hold, in all and for one
  // connection, in bytes; new calls are refused then.  Each is exceeded by one
  // answer at most.
  size_t reply_bytes_max = 256 * 1024 * 1024;
  size_t connection_reply_bytes_max = 16 * 1024 * 1024;

  // What a client may send ahead of its reader, for one stream and for one
  // connection.  HTTP/2's 64 KiB would make a message of 1 MiB wait 16 times.
  int stream_window_bytes = 256 * 1024;
  int connection_window_bytes = 4 * 1024 * 1024;

  // What is made ready to be written to one connection at a time.
  size_t output_bytes_max = 256 * 1024;

  // Streams of one connection that end by a reset, from either side, in a
  // second.  A client that cancels all of its calls stays below; one that opens
  // streams to reset them does not.
  int resets_per_second_max = 5'000;

  // Frames of one connection that belong to no call (PING, SETTINGS, PRIORITY,
  // empty DATA, unknown ones) in a second.  Clients that measure their
  // bandwidth ping once for each round trip; ten thousand cost 2 ms of CPU.
  int control_frames_per_second_max = 10'000;

  // Who connects and does not speak HTTP/2 for so long, its handshake of TLS
  // included, is dropped.
  Nanos handshake_time_max = 10 * kNanosPerSecond;

  // How long the one message of a unary call may take to come.
  Nanos request_time_max = 30 * kNanosPerSecond;

  // How long an answer may wait for its client to read it.
  Nanos reply_time_max = 60 * kNanosPerSecond;

  // A connection that was silent so long is pinged, and closed when it is
  // silent for a while more: its other end is gone.
  Nanos ping_interval = 60 * kNanosPerSecond;
  Nanos ping_timeout = 20 * kNanosPerSecond;

  // Whether ordinary calls may pass nghttp2 by; false for tests, which compare
  // the two ways.
  bool direct_path = true;

  // How long a connection may have no call before it is told to end; 0: for
  // ever.
  Nanos idle_time_max = 0;

  // How old a connection may become before it is told to end, a tenth more or
  // less, so that those that came together do not go together; 0: as old as it
  // likes.  Its calls have call_time_max to end; what is left then, a stream,
  // is cancelled.
  Nanos age_max = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_TRANSPORT_NATIVE_OPTIONS_H_
