// echo_server answers bytes with as many bytes, and does nothing else: what it
// costs is the kernel's part of a request, which no server can go below that
// waits, reads and writes once for each.
//
//   echo_server
//
// It prints "listening HOST:PORT" and serves on one thread until it is ended.

#include <array>
#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/address.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/write.hpp>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <utility>

namespace latchkey {
namespace {

using asio::ip::tcp;

class EchoConnection : public std::enable_shared_from_this<EchoConnection> {
 public:
  explicit EchoConnection(tcp::socket socket) : socket_(std::move(socket)) {
    socket_.set_option(tcp::no_delay(true));
    socket_.non_blocking(true);
  }

  // As the native transport does: one wait, one read, one write.
  void Wait() {
    socket_.async_wait(
        tcp::socket::wait_read,
        [self = shared_from_this()](const asio::error_code& error) {
          if (!error && self->Answer()) self->Wait();
        });
  }

 private:
  bool Answer() {
    asio::error_code error;
    const size_t size = socket_.read_some(asio::buffer(bytes_), error);
    if (error == asio::error::would_block) return true;
    if (error) return false;
    asio::write(socket_, asio::buffer(bytes_, size), error);
    return !error;
  }

  tcp::socket socket_;
  std::array<char, 16 * 1024> bytes_;
};

void Accept(tcp::acceptor& acceptor) {
  acceptor.async_accept([&](const asio::error_code& error, tcp::socket socket) {
    if (error) return;
    std::make_shared<EchoConnection>(std::move(socket))->Wait();
    Accept(acceptor);
  });
}

int Main() {
  // asio leaves its locks out where it is told of one thread.
  asio::io_context io(1);
  tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
  std::printf("listening 127.0.0.1:%d\n", acceptor.local_endpoint().port());
  std::fflush(stdout);
  Accept(acceptor);
  io.run();
  return 0;
}

}  // namespace
}  // namespace latchkey

int main() { return latchkey::Main(); }
