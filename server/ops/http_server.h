// HttpServer is the HTTP library's server with bounds: of threads, of
// connections that wait, of what one connection may send and how long it may
// stay.  A connection carries one request.
//
// Thread safety: Stop() from any thread; handlers run on several threads.
//
// Example:
//   HttpServer http(options);
//   http.Get("/livez", handler);
//   const int port = http.bind_to_any_port("127.0.0.1");
//   std::thread listener([&] { http.listen_after_bind(); });
//   ...
//   http.Stop();
//   listener.join();

#ifndef LATCHKEY_SERVER_OPS_HTTP_SERVER_H_
#define LATCHKEY_SERVER_OPS_HTTP_SERVER_H_

#include <httplib.h>

#include <cstddef>

#include "server/ops/options.h"

namespace latchkey {

class HttpServer final : public httplib::Server {
 public:
  // Threads that answer: a scrape does not keep a probe waiting.
  static constexpr size_t kThreads = 2;

  // Connections that wait for a thread; more wait in the system's queue, and
  // cost no file descriptor of ours.
  static constexpr size_t kWaitingMax = 8;

  explicit HttpServer(const OpsOptions& options);
  ~HttpServer() override;

  // Accepts nothing more and cuts what is open.
  void Stop();

 private:
  // Answers one connection, on a thread of the task queue.
  bool process_and_close_socket(socket_t socket) override;

  const OpsOptions options_;
  // Becomes readable for good when the server stops.
  const int stop_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_OPS_HTTP_SERVER_H_
