#include "tests/attacks/good_client.h"

#include <nghttp2/nghttp2.h>
#include <poll.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <iterator>
#include <map>
#include <string_view>
#include <utility>

#include "tests/attacks/client_socket.h"
#include "tests/attacks/http2_bytes.h"

namespace latchkey {
namespace {

constexpr Nanos kTick = kNanosPerMilli;

// How long an answer may take before it counts as lost.
constexpr Nanos kPatience = 3 * kNanosPerSecond;

Nanos Now() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * kNanosPerSecond + now.tv_nsec;
}

nghttp2_nv Nv(std::string_view name, std::string_view value) {
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(),
          NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE};
}

// The length and the bytes of a field of protobuf.
std::string Field(int number, std::string_view bytes) {
  std::string out(1, static_cast<char>(number << 3 | 2));
  size_t size = bytes.size();
  for (; size >= 128; size /= 128) out += static_cast<char>(size % 128 + 128);
  return (out += static_cast<char>(size)).append(bytes);
}

}  // namespace

class GoodConnection {
 public:
  explicit GoodConnection(const GoodClient::Options& options)
      : socket_("127.0.0.1", options.port, options.tls) {
    nghttp2_session_callbacks* callbacks;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, OnHeader);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks,
                                                           OnStreamClose);
    nghttp2_session_client_new(&http_, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(http_, NGHTTP2_FLAG_NONE, nullptr, 0);
  }
  ~GoodConnection() { nghttp2_session_del(http_); }

  void Send(std::string_view path, std::string message, Nanos due) {
    const nghttp2_nv headers[] = {
        Nv(":method", "POST"), Nv(":scheme", "http"),
        Nv(":path", path),     Nv(":authority", "localhost"),
        Nv("te", "trailers"),  Nv("content-type", "application/grpc"),
    };
    if (broken_) {
      Fail("its connection is lost");
      return;
    }
    auto request = std::make_unique<Request>();
    request->body = std::move(message);
    request->due = due;
    nghttp2_data_provider provider;
    provider.source.ptr = request.get();
    provider.read_callback = ReadBody;
    const int32_t id = nghttp2_submit_request(
        http_, nullptr, headers, std::size(headers), &provider, nullptr);
    if (id < 0) {
      Fail("the server takes no new requests");
      return;
    }
    requests_[id] = std::move(request);
  }

  // Writes and reads what can be.
  void Work(GoodClient::Result* result) {
    result_ = result;
    while (!broken_) {
      if (out_at_ == out_.size()) {
        out_.clear();
        out_at_ = 0;
        const uint8_t* bytes;
        ssize_t size;
        while (out_.size() < 64 * 1024 &&
               (size = nghttp2_session_mem_send(http_, &bytes)) > 0) {
          out_.append(reinterpret_cast<const char*>(bytes),
                      static_cast<size_t>(size));
        }
        if (out_.empty()) break;
      }
      const ssize_t written =
          socket_.Write(std::string_view(out_).substr(out_at_));
      if (written < 0) Break();
      if (written <= 0) break;
      out_at_ += static_cast<size_t>(written);
    }
    static char buffer[64 * 1024];
    while (!broken_) {
      const ssize_t read = socket_.Read(buffer, sizeof(buffer));
      if (read == 0) break;
      if (read < 0 || nghttp2_session_mem_recv(
                          http_, reinterpret_cast<const uint8_t*>(buffer),
                          static_cast<size_t>(read)) != read) {
        Break();
      }
    }
    result_ = nullptr;
  }

  // Gives up on what was not answered.
  void GiveUp(GoodClient::Result* result) {
    result_ = result;
    for (size_t i = requests_.size(); i > 0; --i) Fail("no answer came");
    requests_.clear();
    result_ = nullptr;
  }

  size_t in_flight() const { return requests_.size(); }
  // What failed outside of Work().
  int64_t TakeFailures() { return std::exchange(failures_, 0); }
  pollfd Poll() const {
    const bool writes = out_at_ < out_.size();
    return {.fd = broken_ ? -1 : socket_.fd(),
            .events = static_cast<short>(POLLIN | (writes ? POLLOUT : 0)),
            .revents = 0};
  }

 private:
  struct Request {
    std::string body;
    size_t sent = 0;
    Nanos due = 0;
    bool ok = false;
  };

  static ssize_t ReadBody(nghttp2_session*, int32_t, uint8_t* bytes,
                          size_t size, uint32_t* flags,
                          nghttp2_data_source* source, void*) {
    Request& request = *static_cast<Request*>(source->ptr);
    size = std::min(size, request.body.size() - request.sent);
    std::memcpy(bytes, request.body.data() + request.sent, size);
    request.sent += size;
    if (request.sent == request.body.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(size);
  }

  static int OnHeader(nghttp2_session*, const nghttp2_frame* frame,
                      const uint8_t* name, size_t name_size,
                      const uint8_t* value, size_t value_size, uint8_t,
                      void* user) {
    auto& self = *static_cast<GoodConnection*>(user);
    const std::string_view key(reinterpret_cast<const char*>(name), name_size);
    const auto request = self.requests_.find(frame->hd.stream_id);
    if (request == self.requests_.end()) return 0;
    const std::string text(reinterpret_cast<const char*>(value), value_size);
    if (key == "grpc-status") request->second->ok = text == "0";
    if (key == "grpc-message") self.message_ = text;
    return 0;
  }

  static int OnStreamClose(nghttp2_session*, int32_t id, uint32_t code,
                           void* user) {
    auto& self = *static_cast<GoodConnection*>(user);
    const auto request = self.requests_.find(id);
    if (request == self.requests_.end()) return 0;
    if (request->second->ok) {
      ++self.result_->answered;
      if (Now() - request->second->due <= GoodClient::kInTime) {
        ++self.result_->in_time;
      }
    } else {
      self.Fail("code " + std::to_string(code) + ", " + self.message_);
    }
    self.requests_.erase(request);
    return 0;
  }

  void Fail(const std::string& why) {
    if (result_ == nullptr) {
      ++failures_;
      return;
    }
    ++result_->errors;
    if (result_->first_error.empty()) result_->first_error = why;
  }

  void Break() {
    broken_ = true;
    for (size_t i = requests_.size(); i > 0; --i) Fail("its connection broke");
    requests_.clear();
    socket_.Close();
  }

  ClientSocket socket_;
  nghttp2_session* http_ = nullptr;
  std::map<int32_t, std::unique_ptr<Request>> requests_;
  std::string out_;
  size_t out_at_ = 0;
  std::string message_;
  GoodClient::Result* result_ = nullptr;
  int64_t failures_ = 0;
  bool broken_ = false;
};

GoodClient::GoodClient(const Options& options) {
  for (int i = 0; i < options.connections; ++i) {
    connections_.push_back(std::make_unique<GoodConnection>(options));
  }
}

GoodClient::~GoodClient() = default;

GoodClient::Result GoodClient::Run(double rate, Nanos length,
                                   const std::function<void()>& on_tick) {
  return Loop(rate, length, INT64_MAX, on_tick);
}

GoodClient::Result GoodClient::Fill(int count, size_t value_bytes) {
  const size_t before = std::exchange(value_bytes_, value_bytes);
  puts_only_ = true;
  const Result result = Loop(0, kNanosPerSecond * 60, count, {});
  puts_only_ = false;
  value_bytes_ = before;
  return result;
}

GoodClient::Result GoodClient::Loop(double rate, Nanos length,
                                    int64_t count_max,
                                    const std::function<void()>& on_tick) {
  Result result;
  std::vector<pollfd> polls(connections_.size());
  const Nanos begin = Now();
  const Nanos end = begin + length;
  const auto send = [&](GoodConnection& connection, Nanos due) {
    const uint64_t number = sent_++;
    ++result.due;
    const bool puts = puts_only_ || number % 2 == 0;
    std::string request =
        Field(1, (puts_only_ ? "fill-" : "good-") +
                     std::to_string(number % (puts_only_ ? 30'000 : 10'000)));
    if (puts) request += Field(2, std::string(value_bytes_, 'v'));
    connection.Send(puts ? "/latchkey.v1.Cache/Put" : "/latchkey.v1.Cache/Get",
                    Message(request), due);
  };
  for (Nanos now = begin, ticked = begin;; now = Now()) {
    const bool sends = now < end && result.due < count_max;
    if (rate > 0 && sends) {
      const double due = static_cast<double>(now - begin) * rate / 1e9;
      while (static_cast<double>(result.due) < due) {
        const auto when =
            static_cast<Nanos>(static_cast<double>(result.due) * 1e9 / rate);
        send(*connections_[sent_ % connections_.size()], begin + when);
      }
    }
    size_t in_flight = 0;
    for (size_t i = 0; i < connections_.size(); ++i) {
      GoodConnection& connection = *connections_[i];
      if (rate == 0 && sends && connection.in_flight() == 0) {
        send(connection, now);
      }
      connection.Work(&result);
      result.errors += connection.TakeFailures();
      in_flight += connection.in_flight();
      polls[i] = connection.Poll();
    }
    if (on_tick && now - ticked >= 10 * kTick) {
      ticked = now;
      on_tick();
    }
    if (!sends && (in_flight == 0 || now >= end + kPatience)) break;
    const timespec tick = {.tv_sec = 0, .tv_nsec = kTick};
    // Without a timetable it goes on as soon as something came.
    if (rate == 0 || !sends) {
      ppoll(polls.data(), polls.size(), &tick, nullptr);
    } else {
      ppoll(nullptr, 0, &tick, nullptr);
    }
  }
  for (const auto& connection : connections_) connection->GiveUp(&result);
  return result;
}

Nanos GoodClient::FreshCall(Options options, Nanos time_max) {
  options.connections = 1;
  const Nanos begin = Now();
  for (Nanos now = begin; now < begin + time_max; now = Now()) {
    GoodClient client(options);
    if (client.Loop(0, begin + time_max - now, 1, {}).answered == 1) {
      return Now() - begin;
    }
    const timespec tick = {.tv_sec = 0, .tv_nsec = kTick};
    ppoll(nullptr, 0, &tick, nullptr);
  }
  return -1;
}

}  // namespace latchkey
