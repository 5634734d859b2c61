#include "tests/attacks/flood.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <cstddef>
#include <ctime>
#include <memory>
#include <string_view>
#include <vector>

#include "tests/attacks/client_socket.h"

namespace latchkey {
namespace {

constexpr Nanos kTick = 100 * kNanosPerMilli;

// Not the good client's.
constexpr char kSource[] = "127.0.0.2";

Nanos Now() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * kNanosPerSecond + now.tv_nsec;
}

class Flooder {
 public:
  Flooder(const Script& script, int port)
      : script_(script), port_(port), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    slots_.resize(static_cast<size_t>(script.connections));
  }
  ~Flooder() { close(epoll_); }

  Flooder(const Flooder&) = delete;
  Flooder& operator=(const Flooder&) = delete;

  FloodResult Run(Nanos length) {
    const Nanos end = Now() + length;
    Nanos next_tick = 0;
    epoll_event events[256];
    for (Nanos now = Now(); now < end; now = Now()) {
      if (now >= next_tick) {
        next_tick = now + kTick;
        Tick();
      }
      const int count = epoll_wait(epoll_, events, 256, 10);
      for (int i = 0; i < count && Now() < end; ++i) {
        Slot& slot = *static_cast<Slot*>(events[i].data.ptr);
        if (!Work(slot, events[i].events)) Open(slot);
      }
    }
    return result_;
  }

 private:
  struct Slot {
    std::unique_ptr<ClientSocket> socket;
    FloodState state;
    std::string out;
    size_t out_at = 0;
    bool wants_write = false;
  };

  void Tick() {
    int opened = 0;
    for (Slot& slot : slots_) {
      if (slot.socket == nullptr || slot.socket->fd() < 0) {
        if (script_.per_tick == 0 || opened++ < script_.per_tick) Open(slot);
      } else if (script_.tick && slot.out_at == slot.out.size()) {
        slot.out = script_.tick(slot.state);
        slot.out_at = 0;
        if (!Write(slot)) Open(slot);
      }
    }
  }

  void Open(Slot& slot) {
    slot.socket.reset();
    slot.socket = std::make_unique<ClientSocket>(kSource, port_, script_.tls);
    slot.state = {.ssl = slot.socket->ssl()};
    slot.out.clear();
    slot.out_at = 0;
    if (slot.socket->fd() < 0) return;
    ++result_.connects;
    if (script_.opening) slot.out = script_.opening(slot.state);
    slot.wants_write = true;
    epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data = {.ptr = &slot}};
    epoll_ctl(epoll_, EPOLL_CTL_ADD, slot.socket->fd(), &event);
  }

  // Returns false where the connection is over.
  bool Work(Slot& slot, uint32_t events) {
    if ((events & EPOLLIN) != 0 && script_.reads) {
      static char buffer[256 * 1024];
      const ssize_t read = slot.socket->Read(buffer, sizeof(buffer));
      if (read < 0 || (read > 0 && script_.hangs_up)) return false;
    }
    if ((events & (EPOLLHUP | EPOLLERR)) != 0) return false;
    return Write(slot);
  }

  bool Write(Slot& slot) {
    // Others get their turn.
    for (int i = 0; i < 4; ++i) {
      if (slot.out_at == slot.out.size()) {
        slot.out.clear();
        slot.out_at = 0;
        if (script_.more) slot.out = script_.more(slot.state);
        if (slot.out.empty()) break;
      }
      const ssize_t written =
          slot.socket->Write(std::string_view(slot.out).substr(slot.out_at));
      if (written < 0) return false;
      result_.bytes += written;
      slot.out_at += static_cast<size_t>(written);
      if (slot.out_at < slot.out.size()) break;
    }
    const bool wants_write =
        slot.out_at < slot.out.size() || script_.more != nullptr;
    const bool reads = script_.reads;
    if (wants_write != slot.wants_write || !reads) {
      slot.wants_write = wants_write;
      epoll_event event = {
          .events = (reads ? EPOLLIN : 0u) | (wants_write ? EPOLLOUT : 0u),
          .data = {.ptr = &slot}};
      epoll_ctl(epoll_, EPOLL_CTL_MOD, slot.socket->fd(), &event);
    }
    return true;
  }

  const Script& script_;
  const int port_;
  const int epoll_;
  std::vector<Slot> slots_;
  FloodResult result_;
};

}  // namespace

FloodResult RunFlood(const Script& script, int port, Nanos length) {
  return Flooder(script, port).Run(length);
}

}  // namespace latchkey
