#include "server/ops/http_server.h"

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/base/check.h"
#include "server/base/clock.h"
#include "server/ops/bounded_stream.h"
#include "server/ops/bounded_task_queue.h"

namespace latchkey {
namespace {

// Not the library's own, by which two servers could share a port.
void SetSocketOptions(socket_t socket) {
  const int on = 1;
  setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
}

}  // namespace

HttpServer::HttpServer(const OpsOptions& options)
    : options_(options), stop_(eventfd(0, EFD_CLOEXEC)) {
  LATCHKEY_CHECK(stop_ >= 0, "the system has file descriptors left at start");
  new_task_queue = [] { return new BoundedTaskQueue(kThreads, kWaitingMax); };
  set_socket_options(SetSocketOptions);
  // No request here has a body.
  set_payload_max_length(0);
}

HttpServer::~HttpServer() { close(stop_); }

void HttpServer::Stop() {
  const uint64_t one = 1;
  const ssize_t written = ::write(stop_, &one, sizeof(one));
  LATCHKEY_CHECK(written == sizeof(one), "an eventfd takes a number");
  stop();
}

bool HttpServer::process_and_close_socket(socket_t socket) {
  BoundedStream stream(
      socket, {.deadline = MonotonicNow() + options_.connection_time_max,
               .read_bytes_max = options_.request_bytes_max,
               .stop = stop_});
  bool answered = false;
  bool closed = false;
  // The library throws on some of what a client may send.
  try {
    answered = process_request(
        stream, /*close_connection=*/true, closed,
        // Many ranges of an answer would be many times its size.
        [](httplib::Request& request) { request.ranges.clear(); });
  } catch (...) {
    answered = false;
  }
  shutdown(socket, SHUT_RDWR);
  close(socket);
  return answered;
}

}  // namespace latchkey
