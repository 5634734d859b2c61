// Listener accepts connections on one address.
//
// It survives the end of the process's file descriptors: it holds one in
// reserve, and spends it to accept and close what it has no descriptor for, so
// that a client learns at once, and accepting goes on when there are
// descriptors again.
//
// Thread safety: belongs to the thread that runs its io_context, but for
// Listen(), which comes before.
//
// Example:
//   Listener listener(io, [](int socket, std::string network) { ... });
//   absl::StatusOr<int> port = listener.Listen("127.0.0.1", 0);

#ifndef LATCHKEY_SERVER_TRANSPORT_NATIVE_LISTENER_H_
#define LATCHKEY_SERVER_TRANSPORT_NATIVE_LISTENER_H_

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>
#include <functional>
#include <string>

#include "absl/status/statusor.h"

namespace latchkey {

class Listener {
 public:
  // Takes over a connected socket, which does not block.  `network` is what the
  // other end has for itself: an address of IPv4, or the first 64 bits of one
  // of IPv6; as bytes.
  using OnAccept = std::function<void(int socket, std::string network)>;

  Listener(asio::io_context& io, OnAccept on_accept);
  ~Listener();

  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Listens on `host`, an address or a name, and returns the port.  At most
  // once.
  //
  // Errors: UNAVAILABLE, with the reason.
  absl::StatusOr<int> Listen(const std::string& host, int port);

  // Accepts nothing more.  What was started comes back to the io_context, which
  // must run until then.
  void Close();

 private:
  void Wait();
  void AcceptAll();
  // Accepts and closes one connection for which there is no descriptor. Returns
  // false when that cannot be done.
  bool SpendReserve();

  const OnAccept on_accept_;
  asio::posix::stream_descriptor socket_;
  asio::steady_timer retry_;
  int reserve_ = -1;
  bool closed_ = false;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_TRANSPORT_NATIVE_LISTENER_H_
