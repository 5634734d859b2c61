// BoundedStream is one connection as the HTTP library reads and writes it, with
// an end that the library does not have: after a time, or a number of bytes,
// reads and writes fail, however slowly or steadily the client sends.
//
// Thread safety: belongs to the thread that answers the connection.

#ifndef LATCHKEY_SERVER_OPS_BOUNDED_STREAM_H_
#define LATCHKEY_SERVER_OPS_BOUNDED_STREAM_H_

#include <httplib.h>
#include <sys/types.h>

#include <array>
#include <cstddef>
#include <string>

#include "server/base/clock.h"

namespace latchkey {

struct StreamLimits {
  // On MonotonicNow().
  Nanos deadline = 0;
  size_t read_bytes_max = 0;
  // A file descriptor that becomes readable when the server stops.
  int stop = -1;
};

class BoundedStream final : public httplib::Stream {
 public:
  // `socket` stays open; its owner closes it afterwards.
  BoundedStream(int socket, const StreamLimits& limits)
      : socket_(socket), limits_(limits) {}

  bool is_readable() const override;
  bool is_writable() const override;
  ssize_t read(char* ptr, size_t size) override;
  ssize_t write(const char* ptr, size_t size) override;
  void get_remote_ip_and_port(std::string& ip, int& port) const override;
  void get_local_ip_and_port(std::string& ip, int& port) const override;
  socket_t socket() const override { return socket_; }

 private:
  // Waits for an event of poll(2).  False: the time is over, or the server
  // stops.
  bool Wait(short event) const;

  // Reads what has come into the empty buffer.  False: nothing more will come.
  bool Fill();

  const int socket_;
  const StreamLimits limits_;
  size_t read_bytes_ = 0;
  // The library reads by the byte.
  std::array<char, 4096> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_OPS_BOUNDED_STREAM_H_
