#include "server/ops/bounded_stream.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace latchkey {

bool BoundedStream::Wait(short event) const {
  for (;;) {
    const Nanos left = limits_.deadline - MonotonicNow();
    if (left <= 0) return false;
    pollfd waiting[] = {{limits_.stop, POLLIN, 0}, {socket_, event, 0}};
    // Rounded up, so that the last turn does not spin.
    const int timeout_ms = static_cast<int>(left / kNanosPerMilli) + 1;
    const int ready = poll(waiting, 2, timeout_ms);
    if (ready < 0 && errno != EINTR) return false;
    if (ready <= 0) continue;
    if (waiting[0].revents != 0) return false;
    // An error or a hang-up also counts: the next call says which.
    return true;
  }
}

bool BoundedStream::is_readable() const {
  return begin_ < end_ || Wait(POLLIN);
}

bool BoundedStream::is_writable() const { return Wait(POLLOUT); }

bool BoundedStream::Fill() {
  const size_t room =
      std::min(buffer_.size(), limits_.read_bytes_max - read_bytes_);
  while (room > 0 && Wait(POLLIN)) {
    const ssize_t got = recv(socket_, buffer_.data(), room, MSG_DONTWAIT);
    if (got > 0) {
      begin_ = 0;
      end_ = static_cast<size_t>(got);
      read_bytes_ += end_;
      return true;
    }
    if (got == 0 || (errno != EAGAIN && errno != EINTR)) return false;
  }
  return false;
}

ssize_t BoundedStream::read(char* ptr, size_t size) {
  if (begin_ == end_ && !Fill()) return -1;
  const size_t bytes = std::min(size, end_ - begin_);
  std::memcpy(ptr, buffer_.data() + begin_, bytes);
  begin_ += bytes;
  return static_cast<ssize_t>(bytes);
}

ssize_t BoundedStream::write(const char* ptr, size_t size) {
  while (Wait(POLLOUT)) {
    const ssize_t sent = send(socket_, ptr, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) return sent;
    if (errno != EAGAIN && errno != EINTR) return -1;
  }
  return -1;
}

// Nobody here asks who the client is.
void BoundedStream::get_remote_ip_and_port(std::string& ip, int& port) const {
  ip.clear();
  port = 0;
}

void BoundedStream::get_local_ip_and_port(std::string& ip, int& port) const {
  ip.clear();
  port = 0;
}

}  // namespace latchkey
