// RawClient speaks HTTP/2 frame by frame, for what no correct client sends.
//
// Thread safety: an instance belongs to one thread.
//
// Example:
//   RawClient client(port);
//   client.Handshake();
//   client.Send(client.Headers(1, "/test.Test/Echo") + Data(1, Framed("x")));
//   EXPECT_EQ(client.Await(1).status, "0");

#ifndef LATCHKEY_TESTS_SERVER_TRANSPORT_NATIVE_RAW_CLIENT_H_
#define LATCHKEY_TESTS_SERVER_TRANSPORT_NATIVE_RAW_CLIENT_H_

#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace latchkey {

using HeaderList = std::vector<std::pair<std::string, std::string>>;

inline constexpr char kPreface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
inline constexpr int kEndStream = NGHTTP2_FLAG_END_STREAM;
inline constexpr int kEndHeaders = NGHTTP2_FLAG_END_HEADERS;

// `number` in `bytes` bytes, the most significant first.
std::string Number(uint64_t number, int bytes);

// One frame.
std::string Frame(int type, int flags, int stream, std::string_view payload);

std::string Data(int stream, std::string_view payload, int flags = kEndStream);
std::string Reset(int stream, uint32_t code = NGHTTP2_CANCEL);
std::string WindowUpdate(int stream, uint32_t bytes);
std::string Ping(int flags = 0);
std::string Setting(int id, uint32_t value);

// A gRPC message with its prefix, whose flag and size may lie.
std::string Framed(std::string_view message, char flag = 0);
std::string Framed(std::string_view message, char flag, uint64_t size);

// A block of HPACK that uses no table.
std::string Block(const HeaderList& headers);

// The headers of a gRPC call; one in `more` takes the place of the usual one of
// its name, or is added.
HeaderList CallHeaders(const std::string& path, const HeaderList& more = {});

// What the server did with a stream, or with the connection.
struct RawAnswer {
  // grpc-status, or empty.
  std::string status;
  std::map<std::string, std::string> headers;
  std::string body;
  // The first block of headers, as it came.
  std::string block;
  std::optional<uint32_t> reset;
  // The error and the last stream of the connection's end.
  std::optional<uint32_t> goaway;
  uint32_t last_stream = 0;
  bool closed = false;
};

class RawClient {
 public:
  // Connects to 127.0.0.1.
  explicit RawClient(int port);
  ~RawClient();

  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  // The preface and SETTINGS with these entries.
  void Handshake(const std::string& settings = "");

  // Sends bytes; an end of the connection is no failure.
  void Send(std::string_view bytes);

  // HEADERS of a call.
  static std::string Headers(int stream, const std::string& path,
                             const HeaderList& more = {},
                             int flags = kEndHeaders);

  // Reads until `stream` has ended, or the connection.  Windows are opened as
  // data comes, unless told otherwise.
  RawAnswer Await(int stream, bool opens_windows = true);

  // Reads until the connection has ended.
  RawAnswer AwaitEnd();

  // Reads until a frame of this type, and returns whether it came.
  bool AwaitFrame(int type, int flags, bool opens_windows = true);

  // How much data of `stream` has been read.
  size_t data_bytes(int stream) { return answers_[stream].body.size(); }

  // Reads until `count` bytes of data of `stream` have come, opening no window,
  // and returns them.
  std::string ReadData(int stream, size_t count);

  // How much room the server gave back on the connection.
  size_t window_given() const { return window_given_; }

  // Sends a whole call on a fresh stream and returns its answer.
  RawAnswer Call(const std::string& path, std::string_view message,
                 const HeaderList& more = {});

 private:
  struct ReceivedFrame {
    int type = 0;
    int flags = 0;
    int stream = 0;
    std::string payload;
  };

  // The next frame, or nothing where the connection has ended.
  std::optional<ReceivedFrame> Read();
  bool Fill(size_t bytes);
  void Note(const ReceivedFrame& frame, bool opens_windows);
  void Decode(const std::string& block, RawAnswer* answer);
  RawAnswer AwaitUntil(int stream, bool connection, bool opens_windows);

  int socket_ = -1;
  nghttp2_hd_inflater* inflater_ = nullptr;
  std::string received_;
  std::map<int, RawAnswer> answers_;
  std::map<int, bool> ended_;
  std::optional<uint32_t> goaway_;
  uint32_t last_stream_ = 0;
  size_t window_given_ = 0;
  int next_stream_ = 1001;
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SERVER_TRANSPORT_NATIVE_RAW_CLIENT_H_
