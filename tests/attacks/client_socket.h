// ClientSocket is one connection to a server on this machine, plain or with
// TLS, that never blocks.
//
// Thread safety: an instance belongs to one thread.

#ifndef LATCHKEY_TESTS_ATTACKS_CLIENT_SOCKET_H_
#define LATCHKEY_TESTS_ATTACKS_CLIENT_SOCKET_H_

#include <openssl/ssl.h>
#include <sys/types.h>

#include <cstddef>
#include <string_view>

namespace latchkey {

// What a client with TLS has: it trusts any server, and asks for HTTP/2.
// `version` is of OpenSSL, as TLS1_2_VERSION; 0: any.
SSL_CTX* NewClientTls(int version);

class ClientSocket {
 public:
  // Begins to connect from `source`, as 127.0.0.2, to `port` of 127.0.0.1.
  // `tls` may be null.
  ClientSocket(const char* source, int port, SSL_CTX* tls);
  ~ClientSocket() { Close(); }

  ClientSocket(const ClientSocket&) = delete;
  ClientSocket& operator=(const ClientSocket&) = delete;

  // -1 where there is none, since the system gave none or it was closed.
  int fd() const { return fd_; }
  SSL* ssl() const { return ssl_; }

  // How many bytes were read or written: 0 where it would block, -1 where the
  // connection is over.
  ssize_t Read(char* bytes, size_t size);
  ssize_t Write(std::string_view bytes);

  void Close();

 private:
  ssize_t Judge(int result);

  int fd_ = -1;
  SSL* ssl_ = nullptr;
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_ATTACKS_CLIENT_SOCKET_H_
