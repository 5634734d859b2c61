#include "tests/verify/late_copies.h"

#include <cstdio>
#include <utility>

#include "latchkey/v1/cache.pb.h"

namespace latchkey::verify {
namespace {

constexpr size_t kKeptMax = 64;
// One in so many writes is kept: with those of 64 that are replaced at random,
// they are of very different ages.
constexpr uint64_t kKeptOneIn = 4;

std::string OutcomeRequest(std::string_view key, bool fence) {
  v1::GetOutcomeRequest request;
  request.set_idempotency_key(std::string(key));
  request.set_fence(fence);
  return request.SerializeAsString();
}

}  // namespace

std::string MakeKey(load::Random& random) {
  char text[33];
  std::snprintf(text, sizeof(text), "%016llx%016llx",
                static_cast<unsigned long long>(random.Next()),
                static_cast<unsigned long long>(random.Next()));
  return text;
}

void LateCopies::Offer(const KeyedWrite& write) {
  if (kept_.size() < kKeptMax) {
    kept_.push_back(write);
  } else if (random_.Below(kKeptOneIn) == 0) {
    kept_[random_.Below(kKeptMax)] = write;
  }
}

const KeyedWrite* LateCopies::Find(std::string_view key) const {
  for (const KeyedWrite& write : kept_) {
    if (write.key == key) return &write;
  }
  return nullptr;
}

void LateCopies::SendOne() {
  if (kept_.empty()) return;
  const size_t index = random_.Below(kept_.size());
  KeyedWrite& write = kept_[index];
  ++sent_;
  if (server_.clock().Now() - write.decided_at >= window_) {
    // Without a stamp it would be a new write, and rightly so.
    if (!write.stamp.empty()) {
      judge_.MustRefuse(sort::kStampAccepted, write,
                        Send(write.method, write.request, write.stamp),
                        "IDEMPOTENCY_KEY_EXPIRED");
    }
    std::swap(kept_[index], kept_.back());
    kept_.pop_back();
    return;
  }
  switch (random_.Below(8)) {
    case 0:
    case 1:
      return SendCopy(write, /*ended=*/false);
    case 2:
      return SendCopy(write, /*ended=*/true);
    case 3:
      return SendTwo(write);
    case 4:
      return SendReuse(write);
    case 5:
      return AskOutcome(write);
    case 6:
      return SendForeignStamp(write);
    default:
      return SendFenced(write);
  }
}

void LateCopies::SendCopy(KeyedWrite& write, bool ended) {
  const DirectAnswer answer =
      Send(write.method, write.request, write.stamp, ended);
  judge_.OnAnswers(write, server_.clock().Now(), /*may_end=*/false, {&answer});
}

void LateCopies::SendTwo(KeyedWrite& write) {
  DirectCopy first(server_, write.method, write.request,
                   {.stamp = write.stamp});
  DirectCopy second(server_, write.method, write.request,
                    {.stamp = write.stamp});
  companion_.Start([&second] { second.Run(); });
  first.Run();
  companion_.Wait();
  judge_.OnAnswers(write, server_.clock().Now(), /*may_end=*/false,
                   {&first.answer(), &second.answer()});
}

void LateCopies::SendReuse(const KeyedWrite& write) {
  const KeyedWrite& other = kept_[random_.Below(kept_.size())];
  const std::string request = WithKey(other.payload, write.key);
  if (other.method == write.method && request == write.request) return;
  judge_.MustRefuse(sort::kReuseAccepted, write,
                    Send(other.method, request, write.stamp),
                    "IDEMPOTENCY_KEY_REUSED");
}

void LateCopies::AskOutcome(const KeyedWrite& write) {
  const bool fence = random_.Below(2) == 0;
  judge_.OnOutcome(
      write, Send(Method::kGetOutcome, OutcomeRequest(write.key, fence), {}));
}

void LateCopies::SendForeignStamp(const KeyedWrite& write) {
  if (write.stamp.empty()) return;
  KeyedWrite anew = Anew(write);
  anew.stamp[0] = anew.stamp[0] == '0' ? '1' : '0';
  judge_.MustRefuse(sort::kStampAccepted, anew,
                    Send(anew.method, anew.request, anew.stamp),
                    "INCARNATION_CHANGED");
}

void LateCopies::SendFenced(const KeyedWrite& write) {
  const KeyedWrite anew = Anew(write);
  const DirectAnswer fenced =
      Send(Method::kGetOutcome, OutcomeRequest(anew.key, true), {});
  // A ledger that is full keeps no tombstone.
  if (!fenced.ok()) return;
  judge_.MustRefuse(sort::kFenceBroken, anew,
                    Send(anew.method, anew.request, anew.stamp),
                    "IDEMPOTENCY_KEY_FENCED");
}

KeyedWrite LateCopies::Anew(const KeyedWrite& write) {
  KeyedWrite anew = {.method = write.method,
                     .key = MakeKey(random_),
                     .payload = write.payload,
                     .request = {},
                     .stamp = write.stamp};
  anew.request = WithKey(anew.payload, anew.key);
  return anew;
}

DirectAnswer LateCopies::Send(Method method, std::string_view request,
                              std::string_view stamp, bool ended) {
  DirectCopy copy(server_, method, request, {.stamp = stamp, .ended = ended});
  copy.Run();
  return copy.answer();
}

}  // namespace latchkey::verify
