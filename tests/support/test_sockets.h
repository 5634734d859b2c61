// Blocking sockets for tests of what goes over a connection, each call with a
// bound on its time.
//
// Thread safety: a socket belongs to one thread at a time.
//
// Example:
//   TestListener listener;
//   TestSocket client = TestSocket::Connect(listener.address());
//   TestSocket server = listener.Accept();
//   client.Send("ab");
//   EXPECT_EQ(server.Receive(2), "ab");

#ifndef LATCHKEY_TESTS_SUPPORT_TEST_SOCKETS_H_
#define LATCHKEY_TESTS_SUPPORT_TEST_SOCKETS_H_

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

namespace latchkey {

class TestSocket {
 public:
  // Longer than anything in a test takes.
  static constexpr int kPatienceSeconds = 60;

  // REQUIRES: `address` is IPV4:PORT.
  static TestSocket Connect(const std::string& address) {
    const size_t colon = address.rfind(':');
    sockaddr_in to = {};
    to.sin_family = AF_INET;
    to.sin_port = htons(
        static_cast<uint16_t>(std::atoi(address.substr(colon + 1).c_str())));
    EXPECT_EQ(
        inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr), 1);
    TestSocket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(connect(socket.fd_, reinterpret_cast<sockaddr*>(&to), sizeof to),
              0)
        << address;
    return socket;
  }

  // Takes over `fd`.
  explicit TestSocket(int fd) : fd_(fd) {
    EXPECT_GE(fd, 0);
    const timeval patience = {kPatienceSeconds, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  TestSocket(TestSocket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  TestSocket& operator=(TestSocket&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~TestSocket() { Close(); }

  int fd() const { return fd_; }

  void Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      ASSERT_GT(sent, 0) << "send failed, errno " << errno;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
  }

  // Waits for `count` bytes; less at the end of the stream.
  std::string Receive(size_t count) {
    std::string bytes(count, '\0');
    size_t got = 0;
    while (got < count) {
      const ssize_t read = recv(fd_, bytes.data() + got, count - got, 0);
      EXPECT_GE(read, 0) << "recv failed, errno " << errno;
      if (read <= 0) break;
      got += static_cast<size_t>(read);
    }
    bytes.resize(got);
    return bytes;
  }

  // Whether nothing has come by now.
  bool Silent() {
    char byte = 0;
    return recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
  }

  // Waits for the next thing to come; whether it is the end of the stream, or a
  // reset.
  bool ReceivesEnd() {
    char byte = 0;
    return recv(fd_, &byte, 1, 0) == 0;
  }
  bool ReceivesReset() {
    char byte = 0;
    return recv(fd_, &byte, 1, 0) < 0 && errno == ECONNRESET;
  }

  void EndStream() { shutdown(fd_, SHUT_WR); }

  // By RST.
  void Reset() {
    const linger at_once = {1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    Close();
  }

  void Close() {
    if (fd_ >= 0) close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

// Listens on 127.0.0.1, at a port that the system chooses.
class TestListener {
 public:
  TestListener()
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(fd_, SOMAXCONN), 0);
    EXPECT_EQ(getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size),
              0);
    address_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  }
  ~TestListener() { close(fd_); }

  TestListener(const TestListener&) = delete;
  TestListener& operator=(const TestListener&) = delete;

  const std::string& address() const { return address_; }

  // Waits for a connection.
  TestSocket Accept() {
    pollfd readable = {fd_, POLLIN, 0};
    EXPECT_EQ(poll(&readable, 1, TestSocket::kPatienceSeconds * 1000), 1);
    return TestSocket(accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC));
  }

 private:
  const int fd_;
  std::string address_;
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SUPPORT_TEST_SOCKETS_H_
