#include "server/transport/native/tls_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <openssl/crypto.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/server/transport/native/tls_client.h"
#include "tests/support/test_certificate.h"
#include "tests/support/tls_records.h"

namespace latchkey {
namespace {

using State = TlsStream::State;

// What OpenSSL has allocated, of all streams and clients.
std::atomic<int64_t> openssl_bytes = 0;

void* Counted(void* block) {
  openssl_bytes += static_cast<int64_t>(malloc_usable_size(block));
  return block;
}
void* Allocate(size_t size, const char*, int) { return Counted(malloc(size)); }
void Free(void* block, const char*, int) {
  openssl_bytes -= static_cast<int64_t>(malloc_usable_size(block));
  free(block);
}
void* Reallocate(void* block, size_t size, const char*, int) {
  openssl_bytes -= static_cast<int64_t>(malloc_usable_size(block));
  return Counted(realloc(block, size));
}

// OpenSSL takes them as long as it has allocated nothing.
const bool is_counted =
    CRYPTO_set_mem_functions(Allocate, Reallocate, Free) == 1;

// A TlsStream, and what came of it.
class TlsStreamTest : public testing::Test {
 protected:
  // Gives the server `sealed`, in pieces of at most `piece`.
  void Give(std::string_view sealed, size_t piece = SIZE_MAX) {
    while (!sealed.empty() && state_ != State::kFailed) {
      std::string_view part = sealed.substr(0, piece);
      sealed.remove_prefix(part.size());
      do {
        const TlsStream::Opened opened =
            stream_->Open(&part, {buffer_.data(), buffer_.size()}, &reply_);
        plain_.append(buffer_.data(), opened.size);
        state_ = opened.state;
      } while (state_ == State::kFull);
    }
  }

  void ShakeHands(TlsClient& client, size_t piece = SIZE_MAX) {
    Give(client.Take(), piece);
    EXPECT_FALSE(stream_->is_established());
    client.Receive(std::exchange(reply_, {}));
    Give(client.Take(), piece);
    EXPECT_TRUE(stream_->is_established());
    // TLS 1.2 has one more step.
    client.Receive(std::exchange(reply_, {}));
  }

  static std::shared_ptr<const TlsIdentity> NewIdentity() {
    const TestCertificate ours("ours");
    return *TlsIdentity::Make(
        {}, {.certificate = ours.certificate(), .key = ours.key()});
  }

  const std::shared_ptr<const TlsIdentity> identity_ = NewIdentity();
  std::optional<TlsStream> stream_{std::in_place, *identity_};
  std::vector<char> buffer_ = std::vector<char>(64 * 1024);
  State state_ = State::kWantsMore;
  std::string plain_;
  std::string reply_;
};

TEST_F(TlsStreamTest, BytesComeThroughHoweverTheyAreCut) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const size_t piece : {size_t{1}, size_t{7}, size_t{60'000}}) {
      TlsClient client(version);
      stream_.emplace(*identity_);
      ShakeHands(client, piece);
      for (const size_t size : {1, 1'000, 16'384, 16'385, 200'000}) {
        const std::string text(size, static_cast<char>('a' + size % 26));
        client.Write(text);
        plain_.clear();
        Give(client.Take(), piece);
        EXPECT_EQ(state_, State::kWantsMore);
        EXPECT_EQ(plain_, text);
        std::string sealed;
        ASSERT_TRUE(stream_->Seal(text, &sealed));
        EXPECT_EQ(client.Receive(sealed), text);
      }
    }
  }
}

TEST_F(TlsStreamTest, AHelloMayComeInSeveralRecords) {
  for (const size_t size : {1, 50}) {
    for (const size_t piece : {size_t{1}, size_t{7}, SIZE_MAX}) {
      TlsClient client;
      stream_.emplace(*identity_);
      Give(InTwoRecords(client.Take(), size), piece);
      client.Receive(std::exchange(reply_, {}));
      Give(client.Take(), piece);
      EXPECT_TRUE(stream_->is_established());
    }
  }
}

TEST_F(TlsStreamTest, WhoStallsItsHandshakeTakesLittleMemory) {
  ASSERT_TRUE(is_counted);
  TlsClient client;
  const std::string hello = client.Take();
  const int64_t before = openssl_bytes;
  const auto taken = [&] { return openssl_bytes - before; };
  // A byte is missing of the first record, however large that says it is.
  Give(hello.substr(0, hello.size() - 1));
  EXPECT_EQ(taken(), 0);
  stream_.emplace(*identity_);
  Give(std::string("\x16\x03\x01\x41\x3f") + std::string(1'000, 'x'));
  EXPECT_EQ(taken(), 0);
  EXPECT_EQ(state_, State::kWantsMore);
  // And of the second, with which OpenSSL has a buffer for what it reads, one
  // for the message, and a small one for what it sends.
  const std::string two = InTwoRecords(hello, 50);
  stream_.emplace(*identity_);
  Give(two.substr(0, two.size() - 1));
  EXPECT_GT(taken(), 0);
  EXPECT_LT(taken(), 55'000);
  // Who has sent all of it and not answered has the message's buffer and keys.
  stream_.emplace(*identity_);
  Give(hello);
  EXPECT_LT(taken(), 40'000);
  // What is sent later fills whole records.
  client.Receive(std::exchange(reply_, {}));
  Give(client.Take());
  std::string sealed;
  ASSERT_TRUE(stream_->Seal(std::string(16'384, 'x'), &sealed));
  EXPECT_LT(sealed.size(), size_t{16'384 + 30});
}

TEST_F(TlsStreamTest, WhatBeginsNoHandshakeFailsAtOnce) {
  for (const std::string_view bytes :
       {std::string_view("GET / HTTP/1.1\r\n\r\n"),
        // Longer than a record can be, of which more is to come.
        std::string_view("\x16\x03\x01\x48\x00\x01", 6)}) {
    stream_.emplace(*identity_);
    Give(bytes, 1);
    EXPECT_EQ(state_, State::kFailed);
    state_ = State::kWantsMore;
  }
}

TEST_F(TlsStreamTest, ASmallBufferIsFilledAgainAndAgain) {
  buffer_.resize(100);
  TlsClient client;
  ShakeHands(client);
  client.Write(std::string(50'000, 'x'));
  Give(client.Take());
  EXPECT_EQ(plain_, std::string(50'000, 'x'));
}

TEST_F(TlsStreamTest, DataRightBehindTheHandshakeIsNotLost) {
  TlsClient client;
  Give(client.Take());
  client.Receive(std::exchange(reply_, {}));
  client.Write("early");
  Give(client.Take());
  EXPECT_TRUE(stream_->is_established());
  EXPECT_EQ(plain_, "early");
}

// Makes the hello of `client` anew, with `offer` for its ALPN.
std::string HelloWith(std::string_view offer, TlsClient* client) {
  SSL_clear(client->ssl());
  SSL_set_alpn_protos(client->ssl(),
                      reinterpret_cast<const unsigned char*>(offer.data()),
                      static_cast<unsigned int>(offer.size()));
  client->Take();
  SSL_do_handshake(client->ssl());
  return client->Take();
}

TEST_F(TlsStreamTest, Http2IsPreferredToHttp1) {
  struct Row {
    std::string_view offer;
    bool is_http1;
  };
  for (const Row& row :
       {Row{"\x08http/1.1", true}, Row{"\x02h2", false},
        Row{"\x08http/1.1\x02h2", false}, Row{"\x02h3\x08http/1.1", true}}) {
    TlsClient client;
    Give(HelloWith(row.offer, &client));
    client.Receive(std::exchange(reply_, {}));
    Give(client.Take());
    ASSERT_TRUE(stream_->is_established()) << row.offer;
    EXPECT_EQ(stream_->is_http1(), row.is_http1) << row.offer;
    stream_.emplace(*identity_);
  }
}

TEST_F(TlsStreamTest, NothingElseThanHttp) {
  for (const std::string_view offer :
       {std::string_view("\x08http/1.0", 9), std::string_view("\x03h2c", 4)}) {
    TlsClient client;
    TlsStream stream(*identity_);
    const std::string hello = HelloWith(offer, &client);
    std::string_view sealed = hello;
    std::string reply;
    EXPECT_EQ(stream.Open(&sealed, buffer_, &reply).state, State::kFailed);
    // An alert, fatal: no_application_protocol.
    EXPECT_THAT(reply, testing::EndsWith(std::string("\x02\x78")));
    EXPECT_FALSE(stream.is_established());
  }
}

TEST_F(TlsStreamTest, KeysMayBeChangedButNotForEver) {
  TlsClient client;
  ShakeHands(client);
  client.UpdateKeys();
  client.Write("after");
  Give(client.Take());
  EXPECT_EQ(plain_, "after");
  EXPECT_EQ(client.Receive(std::exchange(reply_, {})), "");
  std::string sealed;
  ASSERT_TRUE(stream_->Seal("new keys", &sealed));
  EXPECT_EQ(client.Receive(sealed), "new keys");

  for (int i = 0; i < 1'000; ++i) client.UpdateKeys();
  Give(client.Take());
  EXPECT_EQ(state_, State::kFailed);
  // Not one answer for each.
  EXPECT_LT(reply_.size(), 5'000u);
}

TEST_F(TlsStreamTest, NothingIsNegotiatedTwice) {
  TlsClient client(TLS1_2_VERSION);
  ShakeHands(client);
  ASSERT_EQ(SSL_renegotiate(client.ssl()), 1);
  SSL_do_handshake(client.ssl());
  Give(client.Take());
  // A record of type alert, and none of a handshake.
  constexpr char kAlert = 21;
  ASSERT_FALSE(reply_.empty());
  EXPECT_EQ(reply_.front(), kAlert);
  // No more than a warning: not refused for its ALPN, which it has none of.
  EXPECT_EQ(state_, State::kWantsMore);
  client.Receive(reply_);
  EXPECT_EQ(SSL_is_init_finished(client.ssl()), 0);
}

TEST_F(TlsStreamTest, EachEndSaysThatNothingFollows) {
  TlsClient client;
  ShakeHands(client);
  std::string goodbye;
  stream_->Close(&goodbye);
  client.Receive(goodbye);
  EXPECT_EQ(SSL_get_shutdown(client.ssl()), SSL_RECEIVED_SHUTDOWN);
  client.Write("last");
  SSL_shutdown(client.ssl());
  Give(client.Take());
  EXPECT_EQ(plain_, "last");
  EXPECT_EQ(state_, State::kEnded);
}

TEST_F(TlsStreamTest, GarbageFailsAndSoDoesWhatFollows) {
  TlsClient client;
  ShakeHands(client);
  client.Write("changed on its way");
  std::string sealed = client.Take();
  sealed.back() ^= 1;
  Give(sealed);
  EXPECT_EQ(state_, State::kFailed);
  EXPECT_EQ(plain_, "");
  EXPECT_FALSE(reply_.empty());
  std::string nothing;
  EXPECT_FALSE(stream_->Seal("more", &nothing));
  stream_->Close(&nothing);
  EXPECT_EQ(nothing, "");
}

}  // namespace
}  // namespace latchkey
