#include "server/transport/native/worker.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "server/base/check.h"

namespace latchkey {
namespace {

// What one read takes at most.  More would only be cold in the cache.
constexpr size_t kReadBufferBytes = 64 * 1024;

// Streams that wait to be used again: some megabytes at most.
constexpr size_t kIdleStreamsMax = 1'024;

// How often the limits on time are checked.
constexpr Nanos kTickInterval = 100 * kNanosPerMilli;

// Between the two steps of a connection's end: what was on its way has come by
// then.
constexpr Nanos kLastCallDelay = 100 * kNanosPerMilli;

thread_local const Worker* current_worker = nullptr;

}  // namespace

Worker::Parts::Parts(const NativeServerOptions& options)
    : calls_max(options.calls_max / options.threads),
      about_server_calls_max(options.about_server_calls_max / options.threads),
      request_bytes_max(options.request_bytes_max /
                        static_cast<size_t>(options.threads)),
      reply_bytes_max(options.reply_bytes_max /
                      static_cast<size_t>(options.threads)) {}

Worker::Worker(const NativeServerOptions& options, const MethodTable& methods,
               const Clock& clock, AddressCounts& address_counts)
    : options_(options),
      methods_(methods),
      clock_(clock),
      address_counts_(address_counts),
      settings_(options),
      parts_(options),
      read_buffer_(kReadBufferBytes),
      opened_buffer_(options.tls == nullptr ? 0 : kReadBufferBytes),
      lane_(clock, methods.metrics().admission(), [this] { RequestPass(); }) {}

Worker::~Worker() {
  LATCHKEY_CHECK(!thread_.joinable(), "a worker is stopped before its end");
}

void Worker::Start() {
  thread_ = std::thread([this] {
    current_worker = this;
    io_.run();
  });
}

void Worker::Stop() {
  Post([this] {
    timer_.cancel();
    tick_.cancel();
  });
  work_.reset();
  thread_.join();
}

void Worker::Adopt(int socket, std::string network) {
  connections_placed_.fetch_add(1, std::memory_order_relaxed);
  Post([this, socket, network = std::move(network)]() mutable {
    if (draining_) {
      close(socket);
      CountEnd(network);
      return;
    }
    connections_.push_back(
        std::make_unique<Connection>(*this, socket, network));
    connections_.back()->index = connections_.size() - 1;
    connections_.back()->Start();
    ArmTick();
  });
}

void Worker::StartRefusing() {
  Post([this] { refusing_ = true; });
}

std::future<void> Worker::Drain() {
  std::future<void> drained = drained_.get_future();
  Post([this] {
    refusing_ = draining_ = true;
    for (const auto& connection : connections_) connection->AnnounceEnd();
    auto timer = std::make_unique<asio::steady_timer>(
        io_, std::chrono::nanoseconds(kLastCallDelay));
    asio::steady_timer& wait = *timer;
    wait.async_wait([this, timer = std::move(timer)](const asio::error_code&) {
      for (const auto& connection : connections_) connection->SayLastCall();
    });
    TellWhetherDrained();
  });
  return drained;
}

void Worker::CancelCalls() {
  Post([this] {
    for (const auto& connection : connections_) connection->CancelCalls();
  });
}

void Worker::CloseConnections() {
  Post([this] {
    for (const auto& connection : connections_) connection->Close();
  });
}

bool Worker::IsCurrent() const { return current_worker == this; }

std::unique_ptr<Stream> Worker::TakeStream() {
  if (idle_streams_.empty()) return std::make_unique<Stream>(*this);
  std::unique_ptr<Stream> stream = std::move(idle_streams_.back());
  idle_streams_.pop_back();
  return stream;
}

void Worker::GiveBack(std::unique_ptr<Stream> stream) {
  if (idle_streams_.size() < kIdleStreamsMax) {
    idle_streams_.push_back(std::move(stream));
  }
}

void Worker::SetTimer(Stream& stream, UnixNanos time) {
  stream.timer = time;
  timers_.emplace(time, &stream);
  ArmTimer();
}

void Worker::CancelTimer(Stream& stream) {
  timers_.erase({stream.timer, &stream});
  stream.timer = kNever;
}

void Worker::ArmTimer() {
  if (timers_.empty() || timers_.begin()->first >= timer_armed_for_) return;
  timer_armed_for_ = timers_.begin()->first;
  timer_.expires_after(std::chrono::nanoseconds(
      std::max<Nanos>(0, timer_armed_for_ - clock_.Now())));
  timer_.async_wait([this](const asio::error_code& error) {
    if (error) return;
    timer_armed_for_ = kNever;
    RunTimers();
    ArmTimer();
  });
}

void Worker::RunTimers() {
  const UnixNanos now = clock_.Now();
  while (!timers_.empty() && timers_.begin()->first <= now) {
    Stream& stream = *timers_.begin()->second;
    timers_.erase(timers_.begin());
    stream.timer = kNever;
    stream.session().set_turn_time(now);
    stream.OnTimer(now);
    stream.session().RequestTurn();
    SetTimer(stream, stream.Due(now));
  }
}

void Worker::Remove(Connection& connection) {
  CountEnd(connection.network());
  const size_t index = connection.index;
  connections_.back()->index = index;
  std::swap(connections_[index], connections_.back());
  connections_.pop_back();
  TellWhetherDrained();
}

void Worker::CountEnd(const std::string& network) {
  connections_placed_.fetch_sub(1, std::memory_order_relaxed);
  address_counts_.Remove(network);
}

template <typename Function>
void Worker::PostAfterReading(Function function) {
  // Asio looks at the sockets before it comes to what was posted meanwhile, and
  // handles what it found there after that.  So what is posted by what was
  // posted comes when all has been read that could be read by now.
  Post([this, function] { Post(function); });
}

void Worker::WaitInLine(Connection& connection) {
  line_.push_back(&connection);
  // Else it is moving.
  if (line_.size() == 1) MoveLine();
}

void Worker::MoveLine() {
  PostAfterReading([this] { AdvanceLine(); });
}

void Worker::AdvanceLine() {
  const UnixNanos begin = clock_.Now();
  if (begin < line_rest_end_ && lane_.others_wait()) {
    MoveLine();
    return;
  }
  Connection& first = *line_.front();
  line_.pop_front();
  if (!line_.empty()) MoveLine();
  first.TakeTurnInLine();
  const UnixNanos end = clock_.Now();
  line_rest_end_ = end + (end - begin);
}

void Worker::MakeRoom(size_t (*use)(const Session&), const Session& asker) {
  Connection* greediest = nullptr;
  size_t most = 2 * use(asker);
  for (const auto& connection : connections_) {
    const size_t used = use(connection->session());
    if (used <= most || connection->is_closed()) continue;
    most = used;
    greediest = connection.get();
  }
  if (greediest != nullptr) greediest->CloseNow();
}

void Worker::RequestPass() {
  PostAfterReading([this] { lane_.OnPass(); });
}

void Worker::ArmTick() {
  if (ticking_ || connections_.empty()) return;
  ticking_ = true;
  tick_.expires_after(std::chrono::nanoseconds(kTickInterval));
  tick_.async_wait([this](const asio::error_code& error) {
    ticking_ = false;
    if (error) return;
    const UnixNanos now = clock_.Now();
    for (const auto& connection : connections_) connection->Tick(now);
    ArmTick();
  });
}

void Worker::TellWhetherDrained() {
  if (!draining_ || !connections_.empty() || told_drained_) return;
  told_drained_ = true;
  drained_.set_value();
}

}  // namespace latchkey
