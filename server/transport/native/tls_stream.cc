#include "server/transport/native/tls_stream.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "server/base/check.h"

namespace latchkey {
namespace {

// A client may change its keys, and have the server do so, once in millions of
// records; each is a few steps here, as is a refusal to negotiate anew.  In one
// read this is more than any has use for, and less than keeps a thread from the
// other connections.
constexpr int kStepsPerReadMax = 32;

// Until its handshake is over a client may be anybody, and can have no more of
// the memory that OpenSSL keeps for what is sent than certificates mostly need.
constexpr long kHandshakeFragmentMax = 4'096;

}  // namespace

TlsStream::TlsStream(const TlsIdentity& identity)
    : ssl_(SSL_new(identity.context())) {
  static BIO_METHOD* const method = MakeMethod();
  BIO* const bio = BIO_new(method);
  LATCHKEY_CHECK(ssl_ != nullptr && bio != nullptr,
                 "there is memory for a connection");
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  // Takes over the one reference, as reader and writer in one.
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_app_data(ssl_.get(), this);
  SSL_set_info_callback(ssl_.get(), OnStep);
  SSL_set_max_send_fragment(ssl_.get(), kHandshakeFragmentMax);
  SSL_set_accept_state(ssl_.get());
}

TlsStream::Opened TlsStream::Open(std::string_view* sealed,
                                  std::span<char> plain, std::string* reply) {
  Opened opened;
  std::string first_record;
  if (!began_) {
    if (!TakeFirstRecord(sealed)) return opened;
    first_record.swap(first_record_);
    first_input_ = first_record;
  }
  input_ = *sealed;
  output_ = reply;
  steps_ = 0;
  ERR_clear_error();
  // A record that is not whole stays in OpenSSL, so that all is taken.
  while (!first_input_.empty() || !input_.empty() ||
         SSL_pending(ssl_.get()) > 0) {
    if (opened.size == plain.size()) {
      opened.state = State::kFull;
      break;
    }
    size_t size = 0;
    // Shakes hands, too, where that is not over.
    const int result = SSL_read_ex(ssl_.get(), plain.data() + opened.size,
                                   plain.size() - opened.size, &size);
    if (!established_ && SSL_is_init_finished(ssl_.get()) == 1) {
      established_ = true;
      SSL_set_max_send_fragment(ssl_.get(), SSL3_RT_MAX_PLAIN_LENGTH);
      // Went down by itself with the other, but does not go up.
      SSL_set_split_send_fragment(ssl_.get(), SSL3_RT_MAX_PLAIN_LENGTH);
    }
    opened.size += size;
    if (result == 1) continue;
    const int error = SSL_get_error(ssl_.get(), result);
    if (error == SSL_ERROR_WANT_READ) break;
    opened.state =
        error == SSL_ERROR_ZERO_RETURN ? State::kEnded : State::kFailed;
    if (opened.state == State::kFailed) failed_ = true;
    ERR_clear_error();
    break;
  }
  *sealed = input_;
  first_input_ = input_ = {};
  output_ = nullptr;
  return opened;
}

bool TlsStream::TakeFirstRecord(std::string_view* sealed) {
  const auto byte = [this](size_t index) {
    return static_cast<uint8_t>(first_record_[index]);
  };
  while (!began_) {
    size_t size = SSL3_RT_HEADER_LENGTH;
    if (first_record_.size() >= size) {
      const size_t content = size_t{byte(3)} << 8 | byte(4);
      // What is wrong with another OpenSSL says by its header.
      if (byte(0) == SSL3_RT_HANDSHAKE &&
          content <= SSL3_RT_MAX_ENCRYPTED_LENGTH) {
        size += content;
      }
    }
    const size_t missing = size - first_record_.size();
    began_ = missing == 0;
    if (sealed->empty()) break;
    const std::string_view taken = sealed->substr(0, missing);
    first_record_ += taken;
    sealed->remove_prefix(taken.size());
  }
  return began_;
}

bool TlsStream::is_http1() const {
  const unsigned char* name = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  return std::string_view(reinterpret_cast<const char*>(name), size) ==
         "http/1.1";
}

std::string TlsStream::ClientName() const {
  X509* const certificate = SSL_get0_peer_certificate(ssl_.get());
  if (certificate == nullptr) return "";
  const X509_NAME* const subject = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0) {
    return "";
  }
  const ASN1_STRING* const name =
      X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
  unsigned char* text = nullptr;
  const int size = ASN1_STRING_to_UTF8(&text, name);
  ERR_clear_error();
  if (size < 0) return "";
  std::string utf8(reinterpret_cast<const char*>(text),
                   static_cast<size_t>(size));
  OPENSSL_free(text);
  return utf8;
}

bool TlsStream::Seal(std::string_view plain, std::string* sealed) {
  if (plain.empty()) return true;
  output_ = sealed;
  size_t size = 0;
  // WriteSealed() takes all, so that it is whole or failed.
  const bool done = !failed_ && SSL_write_ex(ssl_.get(), plain.data(),
                                             plain.size(), &size) == 1;
  output_ = nullptr;
  if (!done) {
    failed_ = true;
    ERR_clear_error();
  }
  return done;
}

void TlsStream::Close(std::string* sealed) {
  if (failed_ || !established_) return;
  output_ = sealed;
  SSL_shutdown(ssl_.get());
  output_ = nullptr;
  ERR_clear_error();
}

BIO_METHOD* TlsStream::MakeMethod() {
  BIO_METHOD* const method =
      BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "latchkey");
  LATCHKEY_CHECK(method != nullptr &&
                     BIO_meth_set_read_ex(method, ReadSealed) == 1 &&
                     BIO_meth_set_write_ex(method, WriteSealed) == 1 &&
                     BIO_meth_set_ctrl(method, Control) == 1,
                 "there is memory for a start");
  return method;
}

int TlsStream::ReadSealed(BIO* bio, char* bytes, size_t size, size_t* taken) {
  auto& stream = *static_cast<TlsStream*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  *taken = 0;
  // Without a retry it is an error, which ends the connection.
  if (stream.steps_ > kStepsPerReadMax) return 0;
  std::string_view& input =
      stream.first_input_.empty() ? stream.input_ : stream.first_input_;
  if (input.empty()) {
    BIO_set_retry_read(bio);
    return 0;
  }
  *taken = std::min(size, input.size());
  std::memcpy(bytes, input.data(), *taken);
  input.remove_prefix(*taken);
  return 1;
}

int TlsStream::WriteSealed(BIO* bio, const char* bytes, size_t size,
                           size_t* taken) {
  auto& stream = *static_cast<TlsStream*>(BIO_get_data(bio));
  stream.output_->append(bytes, size);
  if (stream.established_) ++stream.steps_;
  *taken = size;
  return 1;
}

long TlsStream::Control(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

void TlsStream::OnStep(const SSL* ssl, int where, int) {
  if ((where & SSL_CB_LOOP) == 0) return;
  auto& stream = *static_cast<TlsStream*>(SSL_get_app_data(ssl));
  if (stream.established_) ++stream.steps_;
}

}  // namespace latchkey
