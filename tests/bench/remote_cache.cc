#include "tests/bench/remote_cache.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "latchkey/v1/admin.grpc.pb.h"
#include "latchkey/v1/cache.grpc.pb.h"

namespace latchkey {
namespace {

[[noreturn]] void Die(const std::string& what) {
  std::fprintf(stderr, "miss_client: %s\n", what.c_str());
  std::exit(1);
}

// A connection on which both sides speak in lines and counted bytes.
class LineSocket {
 public:
  explicit LineSocket(int port) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(socket_, reinterpret_cast<sockaddr*>(&address),
                sizeof(address)) != 0) {
      Die("no connection");
    }
    const int on = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  }
  ~LineSocket() { close(socket_); }

  LineSocket(const LineSocket&) = delete;
  LineSocket& operator=(const LineSocket&) = delete;

  void Write(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = send(socket_, text.data(), text.size(), 0);
      if (sent <= 0) Die("the connection was lost");
      text.remove_prefix(static_cast<size_t>(sent));
    }
  }

  // The next line, without its end.
  std::string ReadLine() {
    size_t end;
    while ((end = buffer_.find("\r\n", begin_)) == std::string::npos) Fill();
    std::string line = buffer_.substr(begin_, end - begin_);
    begin_ = end + 2;
    return line;
  }

  // Reads over `bytes` and the end of their line.
  void SkipValue(size_t bytes) {
    while (buffer_.size() - begin_ < bytes + 2) Fill();
    begin_ += bytes + 2;
  }

 private:
  void Fill() {
    buffer_.erase(0, begin_);
    begin_ = 0;
    const size_t before = buffer_.size();
    buffer_.resize(before + 64 * 1024);
    const ssize_t got = recv(socket_, &buffer_[before], 64 * 1024, 0);
    if (got <= 0) Die("the connection was lost");
    buffer_.resize(before + static_cast<size_t>(got));
  }

  const int socket_;
  std::string buffer_;
  // Of the buffer, what was read already.
  size_t begin_ = 0;
};

size_t Number(std::string_view text) {
  return std::strtoull(std::string(text).c_str(), nullptr, 10);
}

class Redis final : public RemoteCache {
 public:
  explicit Redis(int port) : socket_(port) {}

  std::vector<std::optional<size_t>> Get(
      std::span<const std::string> keys) override {
    std::string text = Head("*", keys.size() + 1) + Bulk("MGET");
    for (const std::string& key : keys) text += Bulk(key);
    socket_.Write(text);
    if (socket_.ReadLine() != "*" + std::to_string(keys.size())) {
      Die("redis answers no MGET");
    }
    std::vector<std::optional<size_t>> sizes(keys.size());
    for (auto& size : sizes) {
      const std::string head = socket_.ReadLine();
      if (head == "$-1") continue;
      size = Number(std::string_view(head).substr(1));
      socket_.SkipValue(*size);
    }
    return sizes;
  }

  size_t Set(std::span<const KeyValue> entries) override {
    std::string text;
    for (const KeyValue& entry : entries) {
      text += Head("*", 3) + Bulk("SET") + Bulk(entry.key) + Bulk(entry.value);
    }
    socket_.Write(text);
    size_t refused = 0;
    for (size_t i = 0; i < entries.size(); ++i) {
      if (socket_.ReadLine() != "+OK") ++refused;
    }
    return refused;
  }

  Holdings Held() override {
    socket_.Write(Head("*", 1) + Bulk("DBSIZE"));
    Holdings held = {.entries = Number(socket_.ReadLine().substr(1))};
    socket_.Write(Head("*", 2) + Bulk("INFO") + Bulk("memory"));
    constexpr std::string_view kName = "used_memory:";
    const size_t lines_size = Number(socket_.ReadLine().substr(1));
    for (size_t read = 0; read < lines_size;) {
      const std::string line = socket_.ReadLine();
      read += line.size() + 2;
      if (line.starts_with(kName)) {
        held.used_bytes = Number(line.substr(kName.size()));
      }
    }
    // The end of the text.
    socket_.ReadLine();
    return held;
  }

 private:
  static std::string Head(const char* kind, size_t count) {
    return kind + std::to_string(count) + "\r\n";
  }
  static std::string Bulk(std::string_view text) {
    return Head("$", text.size()).append(text).append("\r\n");
  }

  LineSocket socket_;
};

class Memcached final : public RemoteCache {
 public:
  explicit Memcached(int port) : socket_(port) {}

  std::vector<std::optional<size_t>> Get(
      std::span<const std::string> keys) override {
    std::string text = "get";
    for (const std::string& key : keys) text += " " + key;
    socket_.Write(text + "\r\n");
    std::vector<std::optional<size_t>> sizes(keys.size());
    // What is there comes in the order of the keys: VALUE key flags bytes.
    size_t next = 0;
    for (std::string line; (line = socket_.ReadLine()) != "END"; ++next) {
      if (!line.starts_with("VALUE ")) Die("memcached: " + line);
      const std::string key = line.substr(6, line.find(' ', 6) - 6);
      while (next < keys.size() && keys[next] != key) ++next;
      if (next == keys.size()) Die("memcached answers what was not asked");
      sizes[next] = Number(line.substr(line.rfind(' ') + 1));
      socket_.SkipValue(*sizes[next]);
    }
    return sizes;
  }

  size_t Set(std::span<const KeyValue> entries) override {
    std::string text;
    for (const auto& [key, value] : entries) {
      text += "set " + key + " 0 0 " + std::to_string(value.size()) + "\r\n";
      text.append(value).append("\r\n");
    }
    socket_.Write(text);
    size_t refused = 0;
    for (size_t i = 0; i < entries.size(); ++i) {
      if (socket_.ReadLine() != "STORED") ++refused;
    }
    return refused;
  }

  // Its limit is of the pages it takes for items, in use or not.
  Holdings Held() override {
    return {.entries = Stat("stats", "STAT curr_items "),
            .used_bytes = Stat("stats slabs", "STAT total_malloced ")};
  }

 private:
  uint64_t Stat(const std::string& command, std::string_view name) {
    socket_.Write(command + "\r\n");
    uint64_t number = 0;
    for (std::string line; (line = socket_.ReadLine()) != "END";) {
      if (line.starts_with(name)) number = Number(line.substr(name.size()));
    }
    return number;
  }

  LineSocket socket_;
};

class Latchkey final : public RemoteCache {
 public:
  explicit Latchkey(int port)
      : channel_(grpc::CreateChannel("127.0.0.1:" + std::to_string(port),
                                     grpc::InsecureChannelCredentials())),
        cache_(v1::Cache::NewStub(channel_)),
        admin_(v1::Admin::NewStub(channel_)) {}

  std::vector<std::optional<size_t>> Get(
      std::span<const std::string> keys) override {
    v1::BatchGetRequest request;
    for (const std::string& key : keys) request.add_keys(key);
    v1::BatchGetResponse response;
    grpc::ClientContext context;
    Check(cache_->BatchGet(&context, request, &response));
    std::vector<std::optional<size_t>> sizes;
    for (const v1::GetResponse& result : response.results()) {
      sizes.push_back(result.has_entry()
                          ? std::optional(result.entry().value().size())
                          : std::nullopt);
    }
    return sizes;
  }

  size_t Set(std::span<const KeyValue> entries) override {
    v1::BatchPutRequest request;
    for (const auto& [key, value] : entries) {
      v1::PutRequest* const put = request.add_puts();
      put->set_key(key);
      put->set_value(value.data(), value.size());
    }
    v1::BatchPutResponse response;
    grpc::ClientContext context;
    const grpc::Status status = cache_->BatchPut(&context, request, &response);
    if (status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED) {
      return entries.size();
    }
    Check(status);
    return 0;
  }

  Holdings Held() override {
    v1::GetStatsResponse response;
    grpc::ClientContext context;
    Check(admin_->GetStats(&context, {}, &response));
    return {.entries = response.keys().entries(),
            .used_bytes = response.memory().used_bytes()};
  }

 private:
  static void Check(const grpc::Status& status) {
    if (!status.ok()) Die("latchkeyd: " + status.error_message());
  }

  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<v1::Cache::Stub> cache_;
  const std::unique_ptr<v1::Admin::Stub> admin_;
};

}  // namespace

std::unique_ptr<RemoteCache> ConnectToCache(std::string_view kind, int port) {
  if (kind == "redis") return std::make_unique<Redis>(port);
  if (kind == "memcached") return std::make_unique<Memcached>(port);
  if (kind == "latchkey") return std::make_unique<Latchkey>(port);
  Die("no such cache: " + std::string(kind));
}

}  // namespace latchkey
