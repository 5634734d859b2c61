// The native transport with TLS, where it takes a client that no library makes.

#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "server/tls/tls_keeper.h"
#include "tests/server/transport/native/native_fixture.h"
#include "tests/server/transport/native/tls_client.h"
#include "tests/support/test_certificate.h"
#include "tests/support/test_sockets.h"

namespace latchkey {
namespace {

std::unique_ptr<TlsKeeper> NewKeeper() {
  const TestCertificate ours("ours");
  const std::string folder = testing::TempDir();
  const TlsOptions options = {.certificate_file = folder + "native_tls_c.pem",
                              .key_file = folder + "native_tls_k.pem"};
  std::ofstream(options.certificate_file) << ours.certificate();
  std::ofstream(options.key_file) << ours.key();
  absl::StatusOr<std::unique_ptr<TlsKeeper>> keeper = TlsKeeper::Open(options);
  EXPECT_TRUE(keeper.ok()) << keeper.status();
  return *std::move(keeper);
}

class NativeTlsTest : public NativeFixture {
 protected:
  NativeTlsTest() : NativeTlsTest(NewKeeper()) {}

  explicit NativeTlsTest(std::unique_ptr<TlsKeeper> keeper)
      : NativeFixture(
            {.tls = keeper.get(), .handshake_time_max = kNanosPerSecond}),
        keeper_(std::move(keeper)) {
    // The fixture's last call would be in plain text.
    ends_in_drain_ = true;
  }

  ~NativeTlsTest() override { server_.reset(); }

  TestSocket Connect() {
    return TestSocket::Connect("127.0.0.1:" + std::to_string(port_));
  }

  // Connects, shakes hands, and says what HTTP/2 begins with.
  void Begin(TestSocket& socket, TlsClient& client) {
    socket.Send(client.Take());
    while (SSL_is_init_finished(client.ssl()) == 0) {
      client.Receive(socket.Receive(1));
    }
    Say(socket, client,
        kPreface +
            Frame(NGHTTP2_SETTINGS, 0, 0,
                  Setting(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 30)) +
            WindowUpdate(0, 1 << 30));
  }

  void Say(TestSocket& socket, TlsClient& client, const std::string& plain) {
    client.Write(plain);
    socket.Send(client.Take());
  }

  const std::unique_ptr<TlsKeeper> keeper_;
};

TEST_F(NativeTlsTest, WhoShakesNoHandsIsDropped) {
  TestSocket silent = Connect();
  TestSocket half = Connect();
  TlsClient client;
  half.Send(client.Take().substr(0, 100));
  WaitUntil([this] { return server_->connections() == 2; });
  WaitUntil([this] { return server_->connections() == 0; });
}

TEST_F(NativeTlsTest, AnswersToKeyUpdatesDoNotPileUp) {
  TestSocket socket = Connect();
  TlsClient client;
  Begin(socket, client);
  // More than the sockets hold, and nothing of it is read.
  Say(socket, client,
      RawClient::Headers(1, "/test.Test/Sized") +
          Data(1, Framed(Request("15000000"))));
  WaitUntil([this] { return sized_calls_ == 1; });
  // One for each call, so that no read has many of them.
  for (int i = 1; i <= 30 && server_->connections() == 1; ++i) {
    client.UpdateKeys();
    client.Write(RawClient::Headers(1 + 2 * i, "/test.Test/Sized") +
                 Data(1 + 2 * i, Framed(Request("1"))));
    const std::string sealed = client.Take();
    send(socket.fd(), sealed.data(), sealed.size(), MSG_NOSIGNAL);
    WaitUntil(
        [&] { return sized_calls_ == 1 + i || server_->connections() == 0; });
    // A few are no reason.
    if (i == 10) {
      EXPECT_EQ(server_->connections(), 1);
    }
  }
  EXPECT_EQ(server_->connections(), 0);
}

}  // namespace
}  // namespace latchkey
