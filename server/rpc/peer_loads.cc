#include "server/rpc/peer_loads.h"

#include <algorithm>
#include <utility>

namespace latchkey {
namespace {

// Who takes less of a window is not busy, and leaves its share to others.
constexpr Nanos kBusyMin = PeerLoads::kWindow / 100;

}  // namespace

PeerLoads::Load& PeerLoads::Enter(const std::string& network) {
  const auto [it, is_new] = loads_.try_emplace(network);
  it->second.network_ = &it->first;
  ++it->second.connections_;
  return it->second;
}

void PeerLoads::Leave(Load& load) {
  // One that is listed is remembered for a window: it may come back.
  if (--load.connections_ == 0 && !load.is_listed_) {
    loads_.erase(loads_.find(*load.network_));
  }
}

void PeerLoads::Count(Load& load, Nanos used, UnixNanos now) {
  if (window_begin_ == 0) window_begin_ = now;
  if (!std::exchange(load.is_listed_, true)) listed_.push_back(&load);
  const bool was_busy = load.used_ > kBusyMin;
  load.used_ += used + std::exchange(load.uncounted, 0);
  if (!was_busy && load.used_ > kBusyMin) {
    ++busy_;
    SetShare();
  }
  if (now - window_begin_ >= kWindow) EndWindow(now);
}

void PeerLoads::SetShare() {
  const int busy = std::max(busy_before_, busy_);
  share_ = busy < 2 ? kNever : kWindow / busy;
}

void PeerLoads::EndWindow(UnixNanos now) {
  // A thread that was held up had a longer one.
  const Nanos length = now - std::exchange(window_begin_, now);
  const Nanos share = busy_ < 2 ? kNever : length / busy_;
  std::erase_if(listed_, [&](Load* load) {
    load->was_heavy_ = load->used_ > share;
    load->is_listed_ = load->was_heavy_;
    load->used_ = 0;
    if (load->is_listed_) return false;
    if (load->connections_ == 0) loads_.erase(loads_.find(*load->network_));
    return true;
  });
  busy_before_ = std::exchange(busy_, 0);
  SetShare();
}

}  // namespace latchkey
