// FuzzServer is a native transport with an echo, "/t/u" and "/t/s", for targets
// that send bytes to it.
//
// Thread safety: belongs to the target's thread.

#ifndef LATCHKEY_TESTS_FUZZ_FUZZ_SERVER_H_
#define LATCHKEY_TESTS_FUZZ_FUZZ_SERVER_H_

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "google/protobuf/wrappers.pb.h"
#include "server/base/check.h"
#include "server/base/clock.h"
#include "server/rpc/method_table.h"
#include "server/transport/native/native_server.h"

namespace latchkey {

// Sends back what it gets.
class FuzzEcho final : public StreamHandler {
 public:
  explicit FuzzEcho(Call& call) : call_(call) { call_.Receive(); }

  void OnMessage(std::string_view message) override {
    google::protobuf::BytesValue answer;
    answer.set_value(message.data(), message.size());
    call_.Send(answer);
  }
  void OnSent() override { call_.Receive(); }
  void OnHalfClose() override { call_.Close(); }
  void OnCancel() override { call_.Fail(absl::CancelledError("cancelled")); }

 private:
  Call& call_;
};

class FuzzServer {
 public:
  FuzzServer() {
    methods_.AddUnary("/t/u", [](Call& call, std::string_view bytes) {
      google::protobuf::BytesValue answer;
      answer.set_value(bytes.data(), bytes.size());
      call.Reply(answer);
    });
    methods_.AddStream(
        "/t/s", [](Call& call) { return std::make_unique<FuzzEcho>(call); });
    server_ = std::make_unique<NativeServer>(
        NativeServerOptions{.cors_origins = {"http://a"}}, methods_, clock_);
    const absl::StatusOr<int> port = server_->Start();
    LATCHKEY_CHECK(port.ok(), "a port is free");
    address_.sin_family = AF_INET;
    address_.sin_port = htons(static_cast<uint16_t>(*port));
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  }

  // Sends `begin` and `bytes` on a connection of their own: first until `cut`
  // of the latter, then, when the server has said something, the rest.  Returns
  // when the connection has ended.
  void Send(std::string_view begin, std::string_view bytes, size_t cut) {
    const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    LATCHKEY_CHECK(connect(client, reinterpret_cast<const sockaddr*>(&address_),
                           sizeof(address_)) == 0,
                   "the server accepts");
    std::string first(begin);
    first += bytes.substr(0, cut);
    const std::string_view second = bytes.substr(std::min(cut, bytes.size()));
    static_cast<void>(send(client, first.data(), first.size(), MSG_NOSIGNAL));
    char buffer[4096];
    if (!begin.empty()) {
      // The server's settings: it has read what came first, or a part of it.
      static_cast<void>(recv(client, buffer, sizeof(buffer), 0));
    }
    static_cast<void>(send(client, second.data(), second.size(), MSG_NOSIGNAL));
    shutdown(client, SHUT_WR);
    while (recv(client, buffer, sizeof(buffer), 0) > 0) {
    }
    close(client);
  }

 private:
  const SystemClock clock_;
  MethodTable methods_;
  std::unique_ptr<NativeServer> server_;
  sockaddr_in address_ = {};
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_FUZZ_FUZZ_SERVER_H_
