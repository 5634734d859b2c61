// AdmissionQueue against a model of its rules, under random load.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "server/runtime/admission_queue.h"

namespace latchkey {
namespace {

using enum AdmissionQueue::Verdict;
using Taken = AdmissionQueue::Taken;
using Verdict = AdmissionQueue::Verdict;

constexpr Nanos kMs = kNanosPerMilli;

// Work that waits.
struct Work {
  explicit Work(UnixNanos deadline) : source(deadline) {}

  DeadlineSource source;
  AdmissionQueue::Item item;
};

// The same rules over two plain lists of all that waits.
class Model {
 public:
  explicit Model(const AdmissionOptions& options) : options_(options) {}

  Verdict Offer(Work& work, bool retry, UnixNanos now) {
    Calm(now);
    if (work.source.token().Check(now) != EndReason::kNone) return kEnded;
    const size_t waiting = first_.size() + again_.size();
    const Nanos before = static_cast<Nanos>(retry ? waiting : first_.size()) *
                         service_ / options_.servers;
    Verdict verdict = kQueued;
    if (waiting * (retry ? 2 : 1) >= options_.items_max) {
      verdict = kFull;
    } else if (overloaded_ &&
               before * (retry ? 2 : 1) >= options_.overload_delay_max) {
      verdict = kOverloaded;
    } else if (before * (retry ? 2 : 1) >
               work.source.token().deadline() - now) {
      verdict = kTooLate;
    }
    if (verdict == kQueued) {
      (retry ? again_ : first_).push_back({&work, now});
    } else {
      refused_ = now;
    }
    return verdict;
  }

  // The work, and 'r', 'e' or 's' for its fate.
  std::pair<Work*, char> Take(UnixNanos now) {
    Calm(now);
    for (auto* list : {&again_, &first_}) {
      if (list->empty()) continue;
      const auto [work, arrival] = list->front();
      const bool ended = work->source.token().Check(now) != EndReason::kNone;
      const bool stale =
          overloaded_ && now - arrival > options_.overload_delay_max;
      if (!ended && !stale) continue;
      if (!ended) refused_ = now;
      list->pop_front();
      if (first_.empty() && again_.empty()) standing_.reset();
      return {work, ended ? 'e' : 's'};
    }
    auto& list = first_.empty() ? again_ : first_;
    if (list.empty()) return {nullptr, ' '};
    const auto [work, arrival] = overloaded_ ? list.back() : list.front();
    overloaded_ ? list.pop_back() : list.pop_front();
    const bool ended = work->source.token().Check(now) != EndReason::kNone;
    if (!ended && !overloaded_) {
      const Nanos given = work->source.token().deadline() - arrival;
      if (now - arrival <= std::max(options_.delay_target, given / 8)) {
        standing_.reset();
      } else if (!standing_.has_value()) {
        standing_ = now;
      } else if (now - *standing_ >= options_.interval) {
        overloaded_ = true;
        refused_ = now;
      }
    }
    if (first_.empty() && again_.empty()) standing_.reset();
    return {work, ended ? 'e' : 'r'};
  }

  void Remove(Work* work) {
    for (auto* list : {&again_, &first_}) {
      std::erase_if(*list, [&](const auto& one) { return one.first == work; });
    }
    if (first_.empty() && again_.empty()) standing_.reset();
  }

  void CountService(Nanos time) {
    service_ = service_ == 0 ? time : service_ + (time - service_) / 8;
  }

  bool overloaded() const { return overloaded_; }

 private:
  void Calm(UnixNanos now) {
    if (!overloaded_ || now - refused_ < options_.interval) return;
    overloaded_ = false;
    standing_.reset();
  }

  const AdmissionOptions options_;
  std::deque<std::pair<Work*, UnixNanos>> first_;
  std::deque<std::pair<Work*, UnixNanos>> again_;
  Nanos service_ = 0;
  std::optional<UnixNanos> standing_;
  bool overloaded_ = false;
  UnixNanos refused_ = 0;
};

// Load that comes and goes, so that the queue is in every state.
class RandomRun {
 public:
  explicit RandomRun(uint64_t seed) : random_(seed) {}

  void Run(int steps) {
    for (int step = 0; step < steps; ++step) {
      SCOPED_TRACE(step);
      if (step % 300 == 0) load_ = 2 + Below(9);
      now_ += static_cast<Nanos>(Below(kMs / 2));
      if (Below(10) < load_) {
        Offer();
      } else if (Below(20) == 0 && !works_.empty()) {
        EndOne(*works_[Below(works_.size())]);
      } else {
        Take();
      }
      ASSERT_EQ(queue_.overloaded(), model_.overloaded());
      if (testing::Test::HasFatalFailure()) return;
      steps_overloaded += queue_.overloaded();
    }
    while (queue_.Take(now_)) {
    }
  }

  int steps_overloaded = 0;
  int shed = 0;

 private:
  uint64_t Below(uint64_t bound) { return random_() % bound; }

  void Offer() {
    const UnixNanos deadline =
        Below(5) == 0 ? kNever : now_ + static_cast<Nanos>(Below(50 * kMs));
    works_.push_back(std::make_unique<Work>(deadline));
    Work& work = *works_.back();
    const bool retry = Below(4) == 0;
    const Verdict verdict =
        queue_.Offer(work.item, {work.source.token(), now_, retry}, now_);
    ASSERT_EQ(verdict, model_.Offer(work, retry, now_));
  }

  void EndOne(Work& work) {
    if (Below(2) == 0) {
      work.source.End(EndReason::kClientCancelled);
    } else if (work.item.queued()) {
      queue_.Remove(work.item);
      model_.Remove(&work);
    }
  }

  void Take() {
    const Taken taken = queue_.Take(now_);
    const auto [work, fate] = model_.Take(now_);
    ASSERT_EQ(taken.item, work == nullptr ? nullptr : &work->item);
    if (!taken) return;
    ASSERT_EQ("res"[static_cast<int>(taken.fate)], fate);
    shed += fate == 's';
    if (fate != 'r') return;
    const auto time = static_cast<Nanos>(Below(kMs));
    queue_.CountService(time);
    model_.CountService(time);
  }

  std::mt19937_64 random_;
  const AdmissionOptions options_ = {
      .items_max = 4 + Below(60),
      .delay_target = static_cast<Nanos>(1 + Below(5)) * kMs,
      .interval = static_cast<Nanos>(5 + Below(20)) * kMs,
      .servers = static_cast<int>(1 + Below(3))};
  UnixNanos now_ = 1'000 * kMs;
  uint64_t load_ = 5;
  std::vector<std::unique_ptr<Work>> works_;
  AdmissionQueue queue_{options_};
  Model model_{options_};
};

TEST(AdmissionQueueRandomTest, AgreesWithASimpleModel) {
  int steps_overloaded = 0;
  int shed = 0;
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomRun run(seed);
    run.Run(3'000);
    if (testing::Test::HasFatalFailure()) return;
    steps_overloaded += run.steps_overloaded;
    shed += run.shed;
  }
  // Else this has seen half of the rules.
  EXPECT_GT(steps_overloaded, 1'000);
  EXPECT_GT(shed, 100);
}

}  // namespace
}  // namespace latchkey
