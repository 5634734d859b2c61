#include "client/load/pacer.h"

#include <algorithm>

namespace latchkey::load {

Pacer::Pacer(const PacerOptions& options) : options_(options) {}

Nanos Pacer::TimeOf(uint64_t number) const {
  const double global = static_cast<double>(number) * options_.threads +
                        static_cast<double>(options_.thread);
  return options_.start + static_cast<Nanos>(global / options_.rate * 1e9);
}

uint64_t Pacer::DueBy(Nanos now) const {
  now = std::min(now, options_.end - 1);
  if (now < TimeOf(0)) return 0;
  const double global =
      static_cast<double>(now - options_.start) * options_.rate / 1e9;
  uint64_t due = static_cast<uint64_t>(std::max(0.0, global - options_.thread) /
                                       options_.threads) +
                 1;
  // Rounding may be off by one either way; TimeOf() is what counts.
  while (due > 0 && TimeOf(due - 1) > now) --due;
  while (TimeOf(due) <= now) ++due;
  return due;
}

void Pacer::Trim(Nanos now) {
  const uint64_t due = DueBy(now);
  if (due <= next_ + options_.backlog_max) return;
  not_sent_ += due - options_.backlog_max - next_;
  next_ = due - options_.backlog_max;
}

std::optional<Nanos> Pacer::Take(Nanos now) {
  if (finished_ || NextTime() > now) return std::nullopt;
  Trim(now);
  return TimeOf(next_++);
}

Nanos Pacer::NextTime() const {
  if (finished_) return kForever;
  const Nanos time = TimeOf(next_);
  return time < options_.end ? time : kForever;
}

void Pacer::Finish(Nanos now) {
  if (finished_) return;
  const uint64_t due = DueBy(now);
  if (due > next_) not_sent_ += due - next_;
  finished_ = true;
}

}  // namespace latchkey::load
