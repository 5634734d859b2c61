#include "server/transport/native/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"

namespace latchkey {
namespace {

// Connections that are accepted before others get their turn: half a
// millisecond's work, with TLS.
constexpr int kAcceptsPerTurnMax = 16;

// How long to wait where the system has nothing to accept with, not even by the
// reserve.
constexpr std::chrono::milliseconds kRetryDelay(50);

absl::Status CannotListen(const std::string& host, int port,
                          const char* reason) {
  return absl::UnavailableError(
      absl::StrCat("cannot listen on ", host, ":", port, ": ", reason));
}

int OpenReserve() { return open("/dev/null", O_RDONLY | O_CLOEXEC); }

std::string NetworkOf(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    return std::string(reinterpret_cast<const char*>(&v4.sin_addr), 4);
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
  const auto* const bytes = reinterpret_cast<const char*>(&v6.sin6_addr);
  return IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr) ? std::string(bytes + 12, 4)
                                             : std::string(bytes, 8);
}

int PortOf(int socket) {
  sockaddr_storage address = {};
  socklen_t size = sizeof(address);
  getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.ss_family == AF_INET
                   ? reinterpret_cast<const sockaddr_in&>(address).sin_port
                   : reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
}

// A socket that listens on `address`, or -1 with errno.
int OpenSocket(const addrinfo& address) {
  const int fd =
      socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const int on = 1;
  const int off = 0;
  // A server that starts again need not wait for the connections of the last
  // one; two at a time cannot have the port, which SO_REUSEPORT would allow.
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (address.ai_family == AF_INET6) {
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
  }
  if (bind(fd, address.ai_addr, address.ai_addrlen) == 0 &&
      listen(fd, SOMAXCONN) == 0) {
    return fd;
  }
  const int error = errno;
  close(fd);
  errno = error;
  return -1;
}

}  // namespace

Listener::Listener(asio::io_context& io, OnAccept on_accept)
    : on_accept_(std::move(on_accept)), socket_(io), retry_(io) {}

Listener::~Listener() {
  if (reserve_ >= 0) close(reserve_);
}

absl::StatusOr<int> Listener::Listen(const std::string& host, int port) {
  addrinfo hints = {};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error =
      getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (error != 0) return CannotListen(host, port, gai_strerror(error));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found,
                                                                 freeaddrinfo);
  int fd = -1;
  for (const addrinfo* address = found; address != nullptr && fd < 0;
       address = address->ai_next) {
    fd = OpenSocket(*address);
  }
  if (fd < 0) {
    return CannotListen(
        host, port,
        errno == EADDRINUSE ? "the port is taken" : std::strerror(errno));
  }
  socket_.assign(fd);
  reserve_ = OpenReserve();
  Wait();
  return PortOf(fd);
}

void Listener::Close() {
  closed_ = true;
  asio::error_code ignored;
  socket_.close(ignored);
  retry_.cancel();
  // It may be one more name of the socket.
  if (reserve_ >= 0) close(std::exchange(reserve_, -1));
}

void Listener::Wait() {
  socket_.async_wait(asio::posix::stream_descriptor::wait_read,
                     [this](const asio::error_code&) {
                       if (!closed_) AcceptAll();
                     });
}

void Listener::AcceptAll() {
  // Before a connection may have it: what was lost to another thread comes
  // back.
  if (reserve_ < 0) reserve_ = OpenReserve();
  for (int i = 0; i < kAcceptsPerTurnMax; ++i) {
    sockaddr_storage address = {};
    socklen_t size = sizeof(address);
    const int fd =
        accept4(socket_.native_handle(), reinterpret_cast<sockaddr*>(&address),
                &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      on_accept_(fd, NetworkOf(address));
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) break;
    if (errno == EINTR || errno == ECONNABORTED || errno == EPROTO) continue;
    if ((errno == EMFILE || errno == ENFILE) && SpendReserve()) continue;
    retry_.expires_after(kRetryDelay);
    retry_.async_wait([this](const asio::error_code&) {
      if (!closed_) AcceptAll();
    });
    return;
  }
  Wait();
}

bool Listener::SpendReserve() {
  if (reserve_ < 0) return false;
  close(reserve_);
  // Another thread may come before this with a file of its own.
  reserve_ = accept4(socket_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC);
  // The connection ends, and its number stays ours, without a moment at which
  // another thread could take it.
  return reserve_ >= 0 &&
         dup3(socket_.native_handle(), reserve_, O_CLOEXEC) >= 0;
}

}  // namespace latchkey
