// batch_client keeps a gRPC server busy as redis-benchmark keeps redis: on each
// connection it writes as many requests as are in flight at once, waits for all
// their answers, and writes the next ones.  It costs less CPU per request than
// the server, so that the server does not sleep between requests, which would
// cost it more than they do.
//
//   batch_client PORT PATH BODY_FILE CONNECTIONS IN_FLIGHT REQUESTS
//
// BODY_FILE has the framed message of each request.  Exits 0 when all were
// answered with messages of one size, as a server does that answers OK.

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

constexpr size_t kHeadBytes = 9;
constexpr int kData = 0;
constexpr int kHeaders = 1;
constexpr int kEndStream = 1;
constexpr int kEndHeaders = 4;

[[noreturn]] void Die(const char* what) {
  std::fprintf(stderr, "batch_client: %s\n", what);
  std::exit(1);
}

std::string Number(uint32_t number, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) {
    text += static_cast<char>(number >> (8 * i));
  }
  return text;
}

std::string Frame(int type, int flags, uint32_t stream,
                  std::string_view payload) {
  return Number(static_cast<uint32_t>(payload.size()), 3) +
         static_cast<char>(type) + static_cast<char>(flags) +
         Number(stream, 4) + std::string(payload);
}

// The headers of a call, put into HPACK's table as clients do, and the block
// that means the same from then on.
struct Blocks {
  explicit Blocks(const std::string& path) {
    const std::pair<std::string, std::string> headers[] = {
        {":method", "POST"}, {":scheme", "http"},
        {":path", path},     {":authority", "bench"},
        {"te", "trailers"},  {"content-type", "application/grpc"},
    };
    for (const auto& [name, value] : headers) {
      first += '\x40' + Number(static_cast<uint32_t>(name.size()), 1) + name +
               Number(static_cast<uint32_t>(value.size()), 1) + value;
    }
    for (size_t i = std::size(headers); i > 0; --i) {
      again += static_cast<char>(0x80 + 61 + i);
    }
  }

  std::string first;
  std::string again;
};

class Connection {
 public:
  Connection(int port, const Blocks& blocks, std::string body)
      : socket_(::socket(AF_INET, SOCK_STREAM, 0)), body_(std::move(body)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(socket_, reinterpret_cast<sockaddr*>(&address),
                sizeof(address)) != 0) {
      Die("cannot connect");
    }
    block_ = blocks.first;
    Write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + Frame(4, 0, 0, "") +
          Frame(8, 0, 0, Number(0x7fffffff - 65'535, 4)));
    // The second call is the first that can be learnt from.
    for (int i = 0; i < 2; ++i) {
      SendBatch(1);
      while (left_ > 0) Receive();
      block_ = blocks.again;
    }
  }
  ~Connection() { close(socket_); }

  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int descriptor() const { return socket_; }
  int left() const { return left_; }

  void SendBatch(int requests) {
    left_ = requests;
    std::string batch;
    for (int i = 0; i < requests; ++i, stream_ += 2) {
      batch += Frame(kHeaders, kEndHeaders, stream_, block_);
      batch += Frame(kData, kEndStream, stream_, body_);
    }
    Write(batch);
  }

  // Reads once, and counts the answers that end in it.
  void Receive() {
    const ssize_t size = recv(socket_, buffer_, sizeof(buffer_), 0);
    if (size <= 0) Die("the server closed a connection");
    for (ssize_t at = 0; at < size;) {
      if (payload_left_ > 0) {
        const size_t skipped =
            std::min(payload_left_, static_cast<size_t>(size - at));
        payload_left_ -= skipped;
        at += static_cast<ssize_t>(skipped);
        continue;
      }
      head_[head_bytes_++] = static_cast<unsigned char>(buffer_[at++]);
      if (head_bytes_ < kHeadBytes) continue;
      head_bytes_ = 0;
      payload_left_ = static_cast<size_t>(head_[0]) << 16 |
                      static_cast<size_t>(head_[1]) << 8 | head_[2];
      if (head_[3] == kData) data_bytes_ += payload_left_;
      if (head_[3] == kHeaders && (head_[4] & kEndStream) != 0) OnAnswer();
    }
  }

 private:
  void Write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t size =
          send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (size <= 0) Die("cannot send");
      bytes.remove_prefix(static_cast<size_t>(size));
    }
  }

  void OnAnswer() {
    --left_;
    if (data_bytes_ == 0) Die("an answer without a message");
    if (answer_bytes_ == 0) answer_bytes_ = data_bytes_;
    if (data_bytes_ != answer_bytes_) Die("answers differ in size");
    data_bytes_ = 0;
  }

  const int socket_;
  const std::string body_;
  std::string block_;
  uint32_t stream_ = 1;
  int left_ = 0;

  char buffer_[64 * 1024];
  unsigned char head_[kHeadBytes];
  size_t head_bytes_ = 0;
  size_t payload_left_ = 0;
  size_t data_bytes_ = 0;
  size_t answer_bytes_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) {
    Die("wants PORT PATH BODY_FILE CONNECTIONS IN_FLIGHT REQUESTS");
  }
  std::ifstream file(argv[3], std::ios::binary);
  const std::string body{std::istreambuf_iterator<char>(file), {}};
  const Blocks blocks(argv[2]);
  const int in_flight = std::atoi(argv[5]);
  int left = std::atoi(argv[6]);
  std::vector<std::unique_ptr<Connection>> connections;
  std::vector<pollfd> waits;
  for (int i = 0; i < std::atoi(argv[4]); ++i) {
    connections.push_back(
        std::make_unique<Connection>(std::atoi(argv[1]), blocks, body));
    waits.push_back({connections.back()->descriptor(), POLLIN, 0});
  }
  const auto send = [&](Connection& connection) {
    if (left <= 0) return;
    left -= in_flight;
    connection.SendBatch(in_flight);
  };
  for (const auto& connection : connections) send(*connection);
  const auto busy = [&] {
    for (const auto& connection : connections) {
      if (connection->left() > 0) return true;
    }
    return false;
  };
  while (busy()) {
    if (poll(waits.data(), waits.size(), 60'000) <= 0) Die("no answer");
    for (size_t i = 0; i < waits.size(); ++i) {
      if (waits[i].revents == 0) continue;
      connections[i]->Receive();
      if (connections[i]->left() == 0) send(*connections[i]);
    }
  }
  return 0;
}
