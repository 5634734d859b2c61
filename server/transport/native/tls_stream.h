// TlsStream is the TLS of one connection: what the socket gave goes in and
// plain bytes come out, and the other way round.  It knows no socket, and
// between two calls it holds no more than a part of a record: the buffers are
// its caller's.  OpenSSL, which takes tens of KiB for a handshake as soon as it
// has begun, is not asked before the client's first record is whole, so that
// one who stays silent before that costs what it has sent.
//
// Thread safety: belongs to its worker's thread.
//
// Example:
//   TlsStream tls(*keeper.identity());
//   std::string reply;
//   const TlsStream::Opened opened = tls.Open(&sealed, buffer, &reply);

#ifndef LATCHKEY_SERVER_TRANSPORT_NATIVE_TLS_STREAM_H_
#define LATCHKEY_SERVER_TRANSPORT_NATIVE_TLS_STREAM_H_

#include <openssl/bio.h>
#include <openssl/ssl.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "server/tls/tls_identity.h"

namespace latchkey {

class TlsStream {
 public:
  // The server's side of a handshake with `identity`.
  explicit TlsStream(const TlsIdentity& identity);

  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  enum class State {
    // Of all that came, plain bytes were made.
    kWantsMore,
    // There may be more than `plain` had room for.
    kFull,
    // The client has said that nothing follows.
    kEnded,
    // What came is no TLS of ours; `reply` may say why.
    kFailed,
  };

  struct Opened {
    State state = State::kWantsMore;
    // How much of `plain` is filled, whatever the state.
    size_t size = 0;
  };

  // Takes from `sealed` what the socket gave, fills `plain`, and appends to
  // `reply` what TLS itself has to say: the handshake, and alerts.  Nothing may
  // follow kEnded and kFailed but Close().
  Opened Open(std::string_view* sealed, std::span<char> plain,
              std::string* reply);

  // Whether the handshake is over, so that Seal() may be called.
  bool is_established() const { return established_; }

  // Whether the client asked for HTTP/1.1 by ALPN, and not for HTTP/2.
  //
  // REQUIRES: is_established().
  bool is_http1() const;

  // The common name of the certificate that the client has shown, and a client
  // CA has issued; empty without one, or where it has not just one name.
  //
  // REQUIRES: is_established().
  std::string ClientName() const;

  // Appends to `sealed` what is to be sent for `plain`.  Returns false where
  // the connection has failed.
  [[nodiscard]] bool Seal(std::string_view plain, std::string* sealed);

  // Appends what says that nothing follows, where that can be said.
  void Close(std::string* sealed);

 private:
  struct FreeSsl {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  // Takes of `sealed` what belongs to the first record; whether that is whole.
  bool TakeFirstRecord(std::string_view* sealed);

  // What OpenSSL reads from and writes to.
  static BIO_METHOD* MakeMethod();
  static int ReadSealed(BIO* bio, char* bytes, size_t size, size_t* taken);
  static int WriteSealed(BIO* bio, const char* bytes, size_t size,
                         size_t* taken);
  static long Control(BIO* bio, int command, long number, void* pointer);
  static void OnStep(const SSL* ssl, int where, int result);

  std::unique_ptr<SSL, FreeSsl> ssl_;
  // What of the first record came, until `began_`.
  std::string first_record_;
  // For the length of a call: what OpenSSL reads first, and then.
  std::string_view first_input_;
  std::string_view input_;
  std::string* output_ = nullptr;
  // What TLS did for itself since Open() was called, after the handshake.
  int steps_ = 0;
  // Whether the first record is whole, and OpenSSL is asked.
  bool began_ = false;
  bool established_ = false;
  bool failed_ = false;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_TRANSPORT_NATIVE_TLS_STREAM_H_
