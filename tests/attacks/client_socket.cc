#include "tests/attacks/client_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace latchkey {
namespace {

sockaddr_in AddressOf(const char* host, int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  inet_pton(AF_INET, host, &address.sin_addr);
  return address;
}

}  // namespace

SSL_CTX* NewClientTls(int version) {
  SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_max_proto_version(context, version);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  const unsigned char protocols[] = {2, 'h', '2'};
  SSL_CTX_set_alpn_protos(context, protocols, sizeof(protocols));
  return context;
}

ClientSocket::ClientSocket(const char* source, int port, SSL_CTX* tls)
    : fd_(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
  if (fd_ < 0) return;
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  // The port is chosen when the other end is known, so that one may be used
  // towards many.
  setsockopt(fd_, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
  const sockaddr_in from = AddressOf(source, 0);
  const sockaddr_in to = AddressOf("127.0.0.1", port);
  if (bind(fd_, reinterpret_cast<const sockaddr*>(&from), sizeof(from)) != 0 ||
      (connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0 &&
       errno != EINPROGRESS)) {
    Close();
    return;
  }
  if (tls == nullptr) return;
  ssl_ = SSL_new(tls);
  SSL_set_fd(ssl_, fd_);
  SSL_set_connect_state(ssl_);
}

ssize_t ClientSocket::Read(char* bytes, size_t size) {
  if (fd_ < 0) return -1;
  if (ssl_ != nullptr) {
    ERR_clear_error();
    return Judge(SSL_read(ssl_, bytes, static_cast<int>(size)));
  }
  const ssize_t read = recv(fd_, bytes, size, 0);
  if (read > 0) return read;
  return read < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

ssize_t ClientSocket::Write(std::string_view bytes) {
  if (fd_ < 0) return -1;
  if (bytes.empty()) return 0;
  if (ssl_ != nullptr) {
    ERR_clear_error();
    return Judge(SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())));
  }
  const ssize_t written = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (written >= 0) return written;
  return errno == EAGAIN || errno == EINTR || errno == ENOTCONN ? 0 : -1;
}

ssize_t ClientSocket::Judge(int result) {
  if (result > 0) return result;
  const int error = SSL_get_error(ssl_, result);
  return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

void ClientSocket::Close() {
  if (ssl_ != nullptr) SSL_free(ssl_);
  ssl_ = nullptr;
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

}  // namespace latchkey
