#include "tests/server/transport/native/raw_client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace latchkey {
namespace {

// Longer than anything here takes: a test that needs it has failed.
constexpr int kPatienceSeconds = 60;

uint32_t ReadNumber(std::string_view bytes) {
  uint32_t number = 0;
  for (const char c : bytes) number = number << 8 | static_cast<uint8_t>(c);
  return number;
}

// A string of HPACK: its length in a prefix of 7 bits, and its bytes.
std::string HpackString(const std::string& text) {
  std::string encoded;
  size_t size = text.size();
  if (size < 127) {
    encoded += static_cast<char>(size);
  } else {
    encoded += '\x7f';
    for (size -= 127; size >= 128; size /= 128) {
      encoded += static_cast<char>(128 | size % 128);
    }
    encoded += static_cast<char>(size);
  }
  return encoded + text;
}

}  // namespace

std::string Number(uint64_t number, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) {
    text += static_cast<char>(number >> (8 * i));
  }
  return text;
}

std::string Frame(int type, int flags, int stream, std::string_view payload) {
  return Number(payload.size(), 3) + static_cast<char>(type) +
         static_cast<char>(flags) + Number(static_cast<uint64_t>(stream), 4) +
         std::string(payload);
}

std::string Data(int stream, std::string_view payload, int flags) {
  return Frame(NGHTTP2_DATA, flags, stream, payload);
}

std::string Reset(int stream, uint32_t code) {
  return Frame(NGHTTP2_RST_STREAM, 0, stream, Number(code, 4));
}

std::string WindowUpdate(int stream, uint32_t bytes) {
  return Frame(NGHTTP2_WINDOW_UPDATE, 0, stream, Number(bytes, 4));
}

std::string Ping(int flags) {
  return Frame(NGHTTP2_PING, flags, 0, "pingping");
}

std::string Setting(int id, uint32_t value) {
  return Number(static_cast<uint64_t>(id), 2) + Number(value, 4);
}

std::string Framed(std::string_view message, char flag) {
  return Framed(message, flag, message.size());
}

std::string Framed(std::string_view message, char flag, uint64_t size) {
  return flag + Number(size, 4) + std::string(message);
}

std::string Block(const HeaderList& headers) {
  std::string block;
  for (const auto& [name, value] : headers) {
    // A literal without indexing, with a new name.
    block += '\0';
    block += HpackString(name);
    block += HpackString(value);
  }
  return block;
}

HeaderList CallHeaders(const std::string& path, const HeaderList& more) {
  HeaderList headers = {
      {":method", "POST"}, {":scheme", "http"},
      {":path", path},     {":authority", "test"},
      {"te", "trailers"},  {"content-type", "application/grpc"}};
  const auto usual = headers.end() - headers.begin();
  for (const auto& [name, value] : more) {
    const auto it =
        std::find_if(headers.begin(), headers.begin() + usual,
                     [&](const auto& header) { return header.first == name; });
    if (it != headers.begin() + usual) {
      it->second = value;
    } else {
      headers.emplace_back(name, value);
    }
  }
  return headers;
}

RawClient::RawClient(int port) {
  socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience = {kPatienceSeconds, 0};
  setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  const int on = 1;
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(socket_, reinterpret_cast<const sockaddr*>(&address),
                    sizeof(address)),
            0);
  EXPECT_EQ(nghttp2_hd_inflate_new(&inflater_), 0);
}

RawClient::~RawClient() {
  nghttp2_hd_inflate_del(inflater_);
  close(socket_);
}

void RawClient::Handshake(const std::string& settings) {
  Send(kPreface + Frame(NGHTTP2_SETTINGS, 0, 0, settings));
}

void RawClient::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size =
        send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size <= 0) return;
    bytes.remove_prefix(static_cast<size_t>(size));
  }
}

std::string RawClient::Headers(int stream, const std::string& path,
                               const HeaderList& more, int flags) {
  return Frame(NGHTTP2_HEADERS, flags, stream, Block(CallHeaders(path, more)));
}

RawAnswer RawClient::Await(int stream, bool opens_windows) {
  return AwaitUntil(stream, false, opens_windows);
}

RawAnswer RawClient::AwaitEnd() { return AwaitUntil(0, true, true); }

RawAnswer RawClient::AwaitUntil(int stream, bool connection,
                                bool opens_windows) {
  bool closed = false;
  while (connection || !ended_[stream]) {
    const auto frame = Read();
    if (!frame.has_value()) {
      closed = true;
      break;
    }
    Note(*frame, opens_windows);
  }
  RawAnswer answer = answers_[stream];
  answer.goaway = goaway_;
  answer.last_stream = last_stream_;
  answer.closed = closed;
  return answer;
}

bool RawClient::AwaitFrame(int type, int flags, bool opens_windows) {
  while (true) {
    const auto frame = Read();
    if (!frame.has_value()) return false;
    Note(*frame, opens_windows);
    if (frame->type == type && frame->flags == flags) return true;
  }
}

std::string RawClient::ReadData(int stream, size_t count) {
  while (answers_[stream].body.size() < count) {
    const auto frame = Read();
    if (!frame.has_value()) break;
    Note(*frame, false);
  }
  return answers_[stream].body;
}

RawAnswer RawClient::Call(const std::string& path, std::string_view message,
                          const HeaderList& more) {
  const int stream = next_stream_;
  next_stream_ += 2;
  Send(Headers(stream, path, more) + Data(stream, Framed(message)));
  return Await(stream);
}

std::optional<RawClient::ReceivedFrame> RawClient::Read() {
  constexpr size_t kHeadBytes = 9;
  if (!Fill(kHeadBytes)) return std::nullopt;
  const std::string_view head = std::string_view(received_).substr(0, 9);
  const size_t size = ReadNumber(head.substr(0, 3));
  ReceivedFrame frame;
  frame.type = head[3];
  frame.flags = static_cast<uint8_t>(head[4]);
  frame.stream = static_cast<int>(ReadNumber(head.substr(5, 4)));
  if (!Fill(kHeadBytes + size)) return std::nullopt;
  frame.payload = received_.substr(kHeadBytes, size);
  received_.erase(0, kHeadBytes + size);
  return frame;
}

bool RawClient::Fill(size_t bytes) {
  char buffer[65536];
  while (received_.size() < bytes) {
    const ssize_t size = recv(socket_, buffer, sizeof(buffer), 0);
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      ADD_FAILURE() << "the server says nothing";
    }
    if (size <= 0) return false;
    received_.append(buffer, static_cast<size_t>(size));
  }
  return true;
}

void RawClient::Note(const ReceivedFrame& frame, bool opens_windows) {
  RawAnswer& answer = answers_[frame.stream];
  switch (frame.type) {
    case NGHTTP2_HEADERS:
      if (answer.block.empty()) answer.block = frame.payload;
      Decode(frame.payload, &answer);
      break;
    case NGHTTP2_DATA:
      answer.body += frame.payload;
      if (opens_windows && !frame.payload.empty()) {
        const auto size = static_cast<uint32_t>(frame.payload.size());
        Send(WindowUpdate(0, size) + WindowUpdate(frame.stream, size));
      }
      break;
    case NGHTTP2_WINDOW_UPDATE:
      if (frame.stream == 0) window_given_ += ReadNumber(frame.payload);
      return;
    case NGHTTP2_RST_STREAM:
      // After a whole answer it only says: send no more.
      if (!ended_[frame.stream]) answer.reset = ReadNumber(frame.payload);
      ended_[frame.stream] = true;
      return;
    case NGHTTP2_GOAWAY:
      last_stream_ = ReadNumber(std::string_view(frame.payload).substr(0, 4));
      goaway_ = ReadNumber(std::string_view(frame.payload).substr(4, 4));
      return;
    case NGHTTP2_SETTINGS:
      if ((frame.flags & NGHTTP2_FLAG_ACK) == 0) {
        Send(Frame(NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, ""));
      }
      return;
    default:
      return;
  }
  if ((frame.flags & kEndStream) != 0) ended_[frame.stream] = true;
}

void RawClient::Decode(const std::string& block, RawAnswer* answer) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(block.data());
  size_t left = block.size();
  int flags = 0;
  while (left > 0 || (flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
    nghttp2_nv header;
    const ssize_t taken =
        nghttp2_hd_inflate_hd2(inflater_, &header, &flags, bytes, left, 1);
    ASSERT_GE(taken, 0);
    bytes += taken;
    left -= static_cast<size_t>(taken);
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
      const std::string name(reinterpret_cast<const char*>(header.name),
                             header.namelen);
      answer->headers[name] = std::string(
          reinterpret_cast<const char*>(header.value), header.valuelen);
    }
    if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
  }
  nghttp2_hd_inflate_end_headers(inflater_);
  answer->status = answer->headers["grpc-status"];
}

}  // namespace latchkey
