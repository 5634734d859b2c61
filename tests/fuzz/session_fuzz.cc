// What a client sends behind its preface neither ends the native transport nor
// leaves a call behind: each input goes over a connection of its own, whole or
// in two parts.

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
namespace {

constexpr std::string_view kBegin(
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33);

// Sends back what it gets.
class Echo final : public StreamHandler {
 public:
  explicit Echo(Call& call) : call_(call) { call_.Receive(); }

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

class Target {
 public:
  Target() {
    methods_.AddUnary("/t/u", [](Call& call, std::string_view bytes) {
      google::protobuf::BytesValue answer;
      answer.set_value(bytes.data(), bytes.size());
      call.Reply(answer);
    });
    methods_.AddStream("/t/s",
                       [](Call& call) { return std::make_unique<Echo>(call); });
    server_ =
        std::make_unique<NativeServer>(NativeServerOptions{}, methods_, clock_);
    const absl::StatusOr<int> port = server_->Start();
    LATCHKEY_CHECK(port.ok(), "a port is free");
    address_.sin_family = AF_INET;
    address_.sin_port = htons(static_cast<uint16_t>(*port));
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  }

  void Send(std::string_view bytes, size_t cut) {
    const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    LATCHKEY_CHECK(connect(client, reinterpret_cast<const sockaddr*>(&address_),
                           sizeof(address_)) == 0,
                   "the server accepts");
    // In one segment, but for the cut.
    std::string first(kBegin);
    first += bytes.substr(0, cut);
    const std::string_view second = bytes.substr(std::min(cut, bytes.size()));
    static_cast<void>(send(client, first.data(), first.size(), MSG_NOSIGNAL));
    char buffer[4096];
    // The server's settings: it has read what came first, or a part of it.
    static_cast<void>(recv(client, buffer, sizeof(buffer), 0));
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

}  // namespace
}  // namespace latchkey

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static latchkey::Target* const target = new latchkey::Target;
  if (size == 0) return 0;
  // The first byte says where the input is cut.
  target->Send({reinterpret_cast<const char*>(data) + 1, size - 1},
               data[0] == 0 ? size : data[0]);
  return 0;
}
