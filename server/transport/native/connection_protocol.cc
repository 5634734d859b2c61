// What Connection does about the versions of HTTP.

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>

#include "server/transport/native/connection.h"
#include "server/transport/native/worker.h"

namespace latchkey {
namespace {

// What HTTP/2 begins with, as far as no method of HTTP/1.1 does that is served.
constexpr std::string_view kHttp2Begin = "PRI";

// After how many questions of TCP's without an answer a client is gone.
constexpr int kKeepaliveProbes = 4;

}  // namespace

bool Connection::FindProtocol(std::string_view* bytes) {
  const std::string_view before = kHttp2Begin.substr(0, first_bytes_);
  std::string_view rest = kHttp2Begin.substr(first_bytes_);
  std::string_view now = *bytes;
  while (!now.empty() && !rest.empty() && now[0] == rest[0]) {
    now.remove_prefix(1);
    rest.remove_prefix(1);
  }
  if (!rest.empty() && now.empty()) {
    first_bytes_ += static_cast<uint8_t>(bytes->size());
    return false;
  }
  if (rest.empty()) {
    UseHttp2();
  } else {
    UseHttp1();
  }
  // What came before is not enough to be wrong.
  std::string_view begin = before;
  return http1_ == nullptr ? session_.Receive(&begin, last_heard_)
                           : http1_->Receive(begin, last_heard_);
}

void Connection::UseHttp2() {
  protocol_ = Protocol::kHttp2;
  session_.Begin();
  // The server's SETTINGS, before the answers to what is just read.
  if (can_write() && !session_.FillOutput(&worker_.output(),
                                          worker_.options().output_bytes_max)) {
    Close();
  }
}

void Connection::UseHttp1() {
  protocol_ = Protocol::kHttp1;
  session_.Begin();
  // What is answered is for `http1_`.
  session_.direct().set_turn_output(nullptr);
  http1_ =
      std::make_unique<Http1Session>(session_, worker_.options(), last_heard_);
  const NativeServerOptions& options = worker_.options();
  const auto set = [this](int level, int name, Nanos value) {
    const int number = static_cast<int>(std::max<Nanos>(1, value));
    setsockopt(socket_.native_handle(), level, name, &number, sizeof(number));
  };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, options.ping_interval / kNanosPerSecond);
  set(IPPROTO_TCP, TCP_KEEPINTVL,
      options.ping_timeout / kKeepaliveProbes / kNanosPerSecond);
  set(IPPROTO_TCP, TCP_KEEPCNT, kKeepaliveProbes);
}

void Connection::TickHttp1(UnixNanos now) {
  // Nobody can be asked whether they are there: a client that says nothing
  // while its answer lasts is watched by TCP, and one that does not take what
  // was written is given up.
  if (waits_writable_ &&
      now - last_heard_ >= worker_.options().reply_time_max) {
    Close();
  } else if (http1_->EndLate(now)) {
    RequestTurn();
  }
}

}  // namespace latchkey
