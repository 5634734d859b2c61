#include "server/transport/native/connection.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "server/base/check.h"
#include "server/rpc/authentication.h"
#include "server/tls/tls_keeper.h"
#include "server/transport/native/worker.h"

namespace latchkey {
namespace {

// Of one turn, so that one connection does not keep the others of its thread
// waiting.
constexpr int kReadsPerTurnMax = 4;
constexpr size_t kWrittenPerTurnMax = 1024 * 1024;

// A client that has TLS answer, again and again, and reads nothing.
constexpr int kRepliesKeptMax = 16;

// Of its age, by what part it differs, and in how many steps.
constexpr Nanos kAgePart = 10;
constexpr Nanos kAgeSpread = 1'000;

// How long a connection is silent before it is judged by its last frame.
constexpr Nanos kJudgementDelay = kNanosPerSecond;

// How long a client may take to close a connection that has ended, before it is
// closed under what it may not have read.
constexpr Nanos kLingerTime = kNanosPerSecond;
constexpr Nanos kDrainLingerTime = 100 * kNanosPerMilli;

}  // namespace

Connection::Connection(Worker& worker, int socket, const std::string& network)
    : worker_(worker),
      load_(worker.loads().Enter(network)),
      socket_(worker.io(), socket),
      tls_(worker.options().tls == nullptr
               ? nullptr
               : std::make_unique<Tls>(*worker.options().tls->identity())),
      session_(worker, *this) {}

Connection::~Connection() {
  LATCHKEY_CHECK(may_be_destroyed(),
                 "a connection ends when all of it is over");
  unsent_.clear();
  CountUnsent();
  worker_.loads().Leave(load_);
}

const Principal& Connection::client_name() const {
  static const Principal kNobody;
  return tls_ == nullptr ? kNobody : tls_->client_name;
}

void Connection::Start() {
  connect_time_ = last_heard_ = worker_.time_source().Now();
  if (const Nanos age = worker_.options().age_max; age > 0) {
    // When it came is as good as chance.
    const Nanos part = connect_time_ % (2 * kAgeSpread);
    age_end_ =
        connect_time_ + age + age / kAgePart * (part - kAgeSpread) / kAgeSpread;
  }
  session_.set_turn_time(connect_time_);
  in_turn_ = true;
  EndTurn();
}

void Connection::RequestTurn() {
  if (in_turn_ || turn_requested_ || waits_in_line_) return;
  if (GoesBehind()) {
    WaitInLine();
    return;
  }
  turn_requested_ = true;
  ++pending_;
  worker_.Post([this] {
    --pending_;
    turn_requested_ = false;
    in_turn_ = true;
    session_.set_turn_time(worker_.time_source().Now());
    EndTurn();
  });
}

void Connection::Tick(UnixNanos now) {
  if (closed_) return;
  const NativeServerOptions& options = worker_.options();
  if (now >= linger_end_) {
    Close();
    return;
  }
  if (!session_.shook_hands() &&
      now - connect_time_ >= options.handshake_time_max) {
    Close();
    return;
  }
  TickAge(now);
  if (http1_ != nullptr) {
    TickHttp1(now);
  } else {
    TickHttp2(now);
  }
  if (!closed_ && options.idle_time_max > 0 && !told_end_ &&
      !session_.has_streams() &&
      now - std::max(session_.last_call_time(), connect_time_) >=
          options.idle_time_max) {
    told_end_ = true;
    SayLastCall();
  }
}

void Connection::TickHttp2(UnixNanos now) {
  const NativeServerOptions& options = worker_.options();
  const Nanos silence = now - last_heard_;
  if (silence >= kJudgementDelay && session_.JudgeIdleResets()) RequestTurn();
  if (silence >= options.ping_interval + options.ping_timeout) {
    Close();
  } else if (silence >= options.ping_interval && !pinged_) {
    pinged_ = true;
    session_.Ping();
    RequestTurn();
  }
}

void Connection::TickAge(UnixNanos now) {
  // A step with each tick, so that what was on its way has come, as when the
  // server drains.
  if (age_step_ == 0 && now >= age_end_) {
    age_step_ = 1;
    AnnounceEnd();
  } else if (age_step_ == 1) {
    age_step_ = 2;
    told_end_ = true;
    SayLastCall();
  } else if (age_step_ == 2 &&
             now - age_end_ >= worker_.options().call_time_max) {
    age_step_ = 3;
    CancelCalls();
  }
}

void Connection::AnnounceEnd() {
  if (closed_) return;
  session_.AnnounceEnd();
  RequestTurn();
}

void Connection::SayLastCall() {
  if (closed_) return;
  if (protocol_ == Protocol::kUnknown) {
    // It has no call, and nothing can be said to it.
    Close();
    return;
  }
  session_.SayLastCall();
  RequestTurn();
}

void Connection::CancelCalls() {
  if (closed_) return;
  session_.CancelCalls();
  RequestTurn();
}

void Connection::Close() {
  if (closed_) return;
  closed_ = true;
  asio::error_code ignored;
  socket_.close(ignored);
  session_.Abandon();
  RequestTurn();
}

void Connection::CloseNow() {
  Close();
  std::string().swap(unsent_);
  CountUnsent();
  session_.DeliverAll();
}

void Connection::RetireIfOver() {
  if (retired_ || !may_be_destroyed()) return;
  retired_ = true;
  worker_.Post([this] { worker_.Remove(*this); });
}

void Connection::WaitReadable() {
  waits_readable_ = true;
  ++pending_;
  socket_.async_wait(Socket::wait_read, [this](const asio::error_code&) {
    --pending_;
    waits_readable_ = false;
    OnReadable();
  });
}

void Connection::WaitWritable() {
  waits_writable_ = true;
  ++pending_;
  socket_.async_wait(Socket::wait_write, [this](const asio::error_code&) {
    --pending_;
    waits_writable_ = false;
    replies_kept_ = 0;
    OnWritable();
  });
}

void Connection::OnReadable() {
  if (waits_in_line_) return;
  if (GoesBehind()) {
    WaitInLine();
  } else {
    TakeTurn();
  }
}

void Connection::OnWritable() {
  // Its other end took some of what was sent.
  Hear(worker_.time_source().Now());
  if (waits_in_line_) return;
  if (GoesBehind()) {
    WaitInLine();
    return;
  }
  in_turn_ = true;
  session_.set_turn_time(last_heard_);
  EndTurn();
}

bool Connection::GoesBehind() const {
  return !closed_ && (is_greedy_ || worker_.loads().IsHeavy(load_));
}

void Connection::WaitInLine() {
  waits_in_line_ = true;
  ++pending_;
  worker_.WaitInLine(*this);
}

void Connection::TakeTurnInLine() {
  --pending_;
  waits_in_line_ = false;
  // What a client has sent that is gone is not worth the others' time.
  pollfd poll_for = {
      .fd = socket_.native_handle(), .events = POLLRDHUP, .revents = 0};
  if (!closed_ && poll(&poll_for, 1, 0) == 1) Close();
  TakeTurn();
}

void Connection::TakeTurn() {
  in_turn_ = true;
  const UnixNanos now = worker_.time_source().Now();
  worker_.BeginTurn(now);
  session_.set_turn_time(now);
  if (http1_ == nullptr) {
    session_.direct().set_turn_output(&worker_.output());
  }
  if (!closed_ && !MustWait() && !ReadAll()) Close();
  session_.direct().set_turn_output(nullptr);
  EndTurn();
  worker_.EndTurn(load_);
}

bool Connection::ReadAll() {
  is_greedy_ = false;
  if (has_unreceived() && linger_end_ == kNever) {
    const std::string plain = std::exchange(unreceived_, {});
    if (!ReceivePlain(plain)) return false;
    if (is_greedy_) return true;
    if (tls_ != nullptr) {
      const std::string sealed = std::exchange(tls_->unreceived, {});
      if (!Receive(sealed)) return false;
      if (is_greedy_) return true;
    }
    if (MustWait()) return true;
  }
  std::vector<char>& buffer = worker_.read_buffer();
  const size_t size_max =
      http1_ == nullptr
          ? worker_.read_bytes_max()
          : std::min(worker_.read_bytes_max(), Http1Session::kReadBytesMax);
  for (int i = 0; i < kReadsPerTurnMax; ++i) {
    const ssize_t size =
        recv(socket_.native_handle(), buffer.data(), size_max, 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (size <= 0) return false;
    Hear(worker_.time_source().Now());
    if (!Receive({buffer.data(), static_cast<size_t>(size)})) return false;
    if (static_cast<size_t>(size) < size_max) break;
    is_greedy_ = is_greedy_ || worker_.TurnIsOver();
    if (is_greedy_ || MustWait()) break;
  }
  return true;
}

bool Connection::Receive(std::string_view bytes) {
  if (linger_end_ != kNever) return true;
  if (tls_ == nullptr) return ReceivePlain(bytes);
  if (!ReceiveSealed(&bytes)) return false;
  tls_->unreceived = bytes;
  return true;
}

bool Connection::ReceivePlain(std::string_view bytes) {
  if (protocol_ == Protocol::kUnknown && !FindProtocol(&bytes)) return true;
  if (http1_ != nullptr) {
    if (!http1_->Receive(bytes, last_heard_)) return false;
    is_greedy_ = http1_->has_unreceived();
    return true;
  }
  if (!session_.Receive(&bytes, last_heard_)) return false;
  if (bytes.empty()) return true;
  is_greedy_ = true;
  unreceived_ = bytes;
  return true;
}

bool Connection::ReceiveSealed(std::string_view* sealed) {
  std::vector<char>& plain = worker_.opened_buffer();
  std::string& reply = worker_.sealed_output();
  while (true) {
    const bool was_established = tls_->stream.is_established();
    const TlsStream::Opened opened = tls_->stream.Open(sealed, plain, &reply);
    if (!was_established && tls_->stream.is_established()) {
      tls_->client_name = CertificatePrincipal(tls_->stream.ClientName());
      if (tls_->stream.is_http1()) {
        UseHttp1();
      } else {
        UseHttp2();
      }
    }
    if (opened.size > 0 && !ReceivePlain({plain.data(), opened.size})) {
      return false;
    }
    switch (opened.state) {
      case TlsStream::State::kFull:
        if (is_greedy_) return can_write() || KeepReply(&reply);
        continue;
      case TlsStream::State::kWantsMore:
        return can_write() || KeepReply(&reply);
      case TlsStream::State::kEnded:
        return false;
      case TlsStream::State::kFailed:
        session_.set_turn_time(last_heard_);
        if (can_write()) Write(reply);
        reply.clear();
        // The client gets a moment to read why.
        if (!closed_) Linger();
        return true;
    }
  }
}

bool Connection::KeepReply(std::string* reply) {
  if (reply->empty()) return true;
  unsent_ += *reply;
  CountUnsent();
  reply->clear();
  return ++replies_kept_ <= kRepliesKeptMax;
}

void Connection::EndTurn() {
  std::string& output = worker_.output();
  std::string& sealed = tls_ == nullptr ? output : worker_.sealed_output();
  size_t written = 0;
  while (true) {
    session_.DeliverAll();
    if (can_write()) {
      // What was left of an earlier turn goes first: nothing was answered until
      // it could be written.
      if (!unsent_.empty()) {
        sealed = unsent_;
        std::string().swap(unsent_);
        CountUnsent();
      }
      if (!FillOutput(&output, &sealed)) {
        Close();
      } else if (!sealed.empty()) {
        written += sealed.size();
        Write(sealed);
        output.clear();
        sealed.clear();
        if (written < kWrittenPerTurnMax) continue;
        in_turn_ = false;
        RequestTurn();
        break;
      }
    }
    if (!session_.has_deliveries()) break;
  }
  in_turn_ = false;
  output.clear();
  sealed.clear();
  if (closed_) {
    RetireIfOver();
    return;
  }
  session_.SetTimers(session_.turn_time());
  if (linger_end_ == kNever && unsent_.empty() && is_done()) Linger();
  if (waits_in_line_ || MustWait()) return;
  if (has_unreceived() && linger_end_ == kNever) {
    WaitInLine();
  } else if (!waits_readable_) {
    WaitReadable();
  }
}

bool Connection::FillOutput(std::string* output, std::string* sealed) {
  if (protocol_ == Protocol::kUnknown) return true;
  const size_t bytes_max = worker_.options().output_bytes_max;
  return (http1_ == nullptr ? session_.FillOutput(output, bytes_max)
                            : http1_->FillOutput(output, bytes_max)) &&
         (tls_ == nullptr || tls_->stream.Seal(*output, sealed));
}

void Connection::CountUnsent() {
  const size_t more = unsent_.size() - unsent_counted_;
  worker_.reply_bytes += more;
  session_.reply_bytes += more;
  unsent_counted_ = unsent_.size();
}

void Connection::Write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size =
        send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size >= 0) {
      bytes.remove_prefix(static_cast<size_t>(size));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      unsent_ = bytes;
      CountUnsent();
      WaitWritable();
    } else {
      Close();
    }
    return;
  }
}

void Connection::Linger() {
  if (tls_ != nullptr && can_write()) {
    std::string goodbye;
    tls_->stream.Close(&goodbye);
    Write(goodbye);
    if (closed_) return;
  }
  // A socket that is closed with bytes unread resets the connection, and with
  // it what the client has not read yet.
  shutdown(socket_.native_handle(), SHUT_WR);
  linger_end_ =
      SaturatingAdd(session_.turn_time(),
                    worker_.refusing() ? kDrainLingerTime : kLingerTime);
  session_.Abandon();
  RequestTurn();
}

}  // namespace latchkey
