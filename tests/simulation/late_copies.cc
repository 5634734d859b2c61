#include "tests/simulation/late_copies.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "latchkey/v1/cache.pb.h"
#include "tests/simulation/draw.h"
#include "tests/verify/keyed_write.h"
#include "tests/verify/late_copies.h"

namespace latchkey::simulation {
namespace {

using verify::Method;

constexpr size_t kKeptMax = 32;
// One in so many writes is kept when there are that many: so they are of very
// different ages.
constexpr uint64_t kKeptOneIn = 4;

constexpr uint64_t kLateStream = uint64_t{4} << 40;

// How long copies take on the way: two are under way at once.
constexpr Nanos kWayMax = 100 * kNanosPerMicro;

Copy Question(std::string_view key, bool fence) {
  v1::GetOutcomeRequest request;
  request.set_idempotency_key(std::string(key));
  request.set_fence(fence);
  return {.method = Method::kGetOutcome,
          .key = std::string(key),
          .request = request.SerializeAsString()};
}

}  // namespace

LateCopies::LateCopies(uint64_t seed, Nanos window, Scheduler& scheduler,
                       Network& network)
    : window_(window),
      scheduler_(scheduler),
      network_(network),
      random_(seed, kLateStream) {}

void LateCopies::Offer(SentWrite write) {
  // Its deadline was that of another call.
  write.copy.deadline =
      write.copy.stamp.empty() ? write.began + window_ : kNever;
  if (kept_.size() < kKeptMax) {
    kept_.push_back(std::move(write));
  } else if (random_.Below(kKeptOneIn) == 0) {
    kept_[random_.Below(kKeptMax)] = std::move(write);
  }
}

void LateCopies::SendOne(const std::shared_ptr<Life>& life) {
  if (kept_.empty()) return;
  const SentWrite& write = kept_[random_.Below(kept_.size())];
  // Without a stamp it would be a new write to another life, and rightly so.
  if (write.copy.stamp.empty() && write.life != life) return;
  ++sent_;
  Copy copy = write.copy;
  copy.in_lane = random_.Below(4) == 0;
  switch (random_.Below(8)) {
    case 0:
      return Send(life, copy);
    case 1:
      copy.ended = true;
      return Send(life, copy);
    case 2:
      Send(life, copy);
      return Send(life, copy);
    case 3:
      return SendReuse(life, write);
    case 4:
      return AskOutcome(life, write);
    case 5:
      copy = Anew(write);
      if (copy.stamp.empty()) return;
      copy.stamp[0] = copy.stamp[0] == '0' ? '1' : '0';
      return Send(life, copy);
    default:
      return SendFenced(life, write);
  }
}

void LateCopies::Send(const std::shared_ptr<Life>& life, Copy copy) {
  network_.Send({.copy = std::move(copy),
                 .sent_to = life,
                 .there = DrawNanos(random_, 1, kWayMax)});
}

void LateCopies::SendReuse(const std::shared_ptr<Life>& life,
                           const SentWrite& write) {
  const SentWrite& other = kept_[random_.Below(kept_.size())];
  if (other.copy.method == write.copy.method &&
      other.payload == write.payload) {
    return;
  }
  Copy copy = write.copy;
  copy.method = other.copy.method;
  copy.request = verify::WithKey(other.payload, copy.key);
  Send(life, copy);
}

void LateCopies::AskOutcome(const std::shared_ptr<Life>& life,
                            const SentWrite& write) {
  Copy question = Question(write.copy.key, random_.Below(2) == 0);
  if (random_.Below(2) == 0) question.stamp = write.copy.stamp;
  Send(life, std::move(question));
}

void LateCopies::SendFenced(const std::shared_ptr<Life>& life,
                            const SentWrite& write) {
  Copy copy = Anew(write);
  copy.deadline = std::min(copy.deadline, scheduler_.now() + window_);
  // A ledger that is full keeps no tombstone.
  if (!life->Serve(Question(copy.key, true)).ok()) return;
  Send(life, copy);
}

Copy LateCopies::Anew(const SentWrite& write) {
  Copy anew = write.copy;
  anew.key = verify::MakeKey(random_);
  anew.request = verify::WithKey(write.payload, anew.key);
  return anew;
}

}  // namespace latchkey::simulation
