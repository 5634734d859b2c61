// TlsClient is the other end of a TlsStream: a client's TLS without a socket.
//
// Thread safety: belongs to the test's thread.
//
// Example:
//   TlsClient client;
//   server.Receive(client.Take());

#ifndef LATCHKEY_TESTS_SERVER_TRANSPORT_NATIVE_TLS_CLIENT_H_
#define LATCHKEY_TESTS_SERVER_TRANSPORT_NATIVE_TLS_CLIENT_H_

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/ssl.h>

#include <string>
#include <string_view>

namespace latchkey {

class TlsClient {
 public:
  // Verifies nothing.
  explicit TlsClient(int version = TLS1_3_VERSION)
      : context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_max_proto_version(context_, version);
    SSL_CTX_set_alpn_protos(
        context_, reinterpret_cast<const unsigned char*>("\x02h2"), 3);
    ssl_ = SSL_new(context_);
    SSL_set_bio(ssl_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl_);
    SSL_do_handshake(ssl_);
  }

  ~TlsClient() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }

  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  SSL* ssl() { return ssl_; }

  // What is to be sent.
  std::string Take() {
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(SSL_get_wbio(ssl_), &bytes);
    std::string taken(bytes, static_cast<size_t>(size));
    EXPECT_EQ(BIO_reset(SSL_get_wbio(ssl_)), 1);
    return taken;
  }

  // Takes what came, and returns what of it was plain.
  std::string Receive(std::string_view sealed) {
    BIO_write(SSL_get_rbio(ssl_), sealed.data(),
              static_cast<int>(sealed.size()));
    std::string plain;
    char buffer[10'000];
    size_t size = 0;
    while (SSL_read_ex(ssl_, buffer, sizeof(buffer), &size) == 1) {
      plain.append(buffer, size);
    }
    return plain;
  }

  void Write(std::string_view plain) {
    size_t size = 0;
    EXPECT_EQ(SSL_write_ex(ssl_, plain.data(), plain.size(), &size), 1);
  }

  // Changes its keys, and has the server change its own.
  void UpdateKeys() {
    EXPECT_EQ(SSL_key_update(ssl_, SSL_KEY_UPDATE_REQUESTED), 1);
    EXPECT_EQ(SSL_do_handshake(ssl_), 1);
  }

 private:
  SSL_CTX* const context_;
  SSL* ssl_ = nullptr;
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SERVER_TRANSPORT_NATIVE_TLS_CLIENT_H_
