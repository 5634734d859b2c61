// Many threads at once, then their history replayed in the model: commits in
// the order of their versions, atomic reads at their snapshot, and what
// committed nothing at some moment between its call and its answer.  Nothing
// expires.

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/server/store/answer_text.h"
#include "tests/server/store/model.h"
#include "tests/server/store/random_transactions.h"
#include "tests/server/store/store_fixture.h"

namespace latchkey {
namespace {

constexpr int kThreads = 4;
constexpr int kStepsPerThread = 4'000;

// One call, as the thread that made it saw it.
struct Event {
  // The last version before the call and after its answer.
  uint64_t before = 0;
  uint64_t after = 0;
  // Of a write that committed, its version; of an atomic read, its snapshot.
  // Otherwise kNoVersion.
  uint64_t version = kNoVersion;
  bool is_read = false;
  OwnedTransaction write;
  std::vector<std::string_view> keys;
  std::string answer;
};

class ReplayTest : public StoreTest {
 protected:
  // One thread's part.
  struct Part {
    std::unique_ptr<RandomTransactions> random;
    std::vector<Event> events;
  };

  void RunThread(Part& part) {
    part.events.reserve(kStepsPerThread);
    for (int step = 0; step < kStepsPerThread; ++step) {
      Event event;
      event.is_read = part.random->OneIn(4);
      if (event.is_read) {
        event.keys = part.random->NextKeys(6);
      } else {
        event.write = part.random->Next(kStart);
      }
      event.before = store().last_version();
      if (event.is_read) {
        const auto answer = store().BatchGetAtomic(event.keys, token());
        event.answer = AnswerText(answer);
        event.version = answer.ok() ? answer->snapshot_version : kNoVersion;
      } else {
        const WriteResult answer = store().Write(event.write.View(), token());
        event.answer = AnswerText(answer);
        event.version = answer.ok() ? answer->version : kNoVersion;
      }
      event.after = store().last_version();
      part.events.push_back(std::move(event));
    }
  }

  void RunThreads(uint64_t seed) {
    for (Part& part : parts_) {
      part.random = std::make_unique<RandomTransactions>(
          seed++, keys_,
          [this](std::string_view key) { return Look(key).entry; });
    }
    std::vector<std::jthread> threads;
    for (Part& part : parts_) {
      threads.emplace_back([this, &part] { RunThread(part); });
    }
  }

  // Sorts what was recorded into its kinds.
  void Collect() {
    for (const Part& part : parts_) {
      for (const Event& event : part.events) {
        if (event.is_read) {
          reads_.push_back(&event);
        } else if (event.version != kNoVersion) {
          commits_.push_back(&event);
        } else {
          others_.push_back(&event);
        }
      }
    }
    const auto by_version = [](const Event* a, const Event* b) {
      return a->version < b->version;
    };
    std::sort(commits_.begin(), commits_.end(), by_version);
    std::sort(reads_.begin(), reads_.end(), by_version);
    std::sort(
        others_.begin(), others_.end(),
        [](const Event* a, const Event* b) { return a->before < b->before; });
  }

  // The atomic reads whose snapshot is the model's present.
  void CheckReads() {
    for (; next_read_ < reads_.size() &&
           reads_[next_read_]->version == model_.last_version();
         ++next_read_) {
      const Event& read = *reads_[next_read_];
      ASSERT_LE(read.before, read.version);
      ASSERT_LE(read.version, read.after);
      ASSERT_EQ(read.answer, model_.BatchGet(read.keys, true, kStart));
    }
  }

  // Those that committed nothing and might have happened in the model's
  // present.
  void CheckOthers() {
    for (; next_other_ < others_.size() &&
           others_[next_other_]->before <= model_.last_version();
         ++next_other_) {
      open_.push_back(others_[next_other_]);
    }
    std::erase_if(open_, [this](const Event* event) {
      return model_.Try(event->write.View(), kStart) == event->answer;
    });
    for (const Event* event : open_) {
      ASSERT_GT(event->after, model_.last_version())
          << "answered as at no moment of the call: " << event->answer << "\n"
          << RequestText(event->write.View());
    }
  }

  void Replay() {
    CheckReads();
    CheckOthers();
    for (const Event* commit : commits_) {
      ASSERT_EQ(commit->version, model_.last_version() + 1);
      ASSERT_LT(commit->before, commit->version);
      ASSERT_LE(commit->version, commit->after);
      ASSERT_EQ(model_.Write(commit->write.View(), kStart), commit->answer)
          << RequestText(commit->write.View());
      ASSERT_NO_FATAL_FAILURE(CheckReads());
      ASSERT_NO_FATAL_FAILURE(CheckOthers());
    }
  }

  const std::vector<std::string> keys_ = {"a", "b", "c", "d", "e", "f"};
  Model model_{store().last_version()};
  Part parts_[kThreads];
  std::vector<const Event*> commits_;
  std::vector<const Event*> reads_;
  std::vector<const Event*> others_;
  size_t next_read_ = 0;
  size_t next_other_ = 0;
  std::vector<const Event*> open_;
};

TEST_F(ReplayTest, TheHistoryOfManyThreadsIsOneOfTheModel) {
  RunThreads(/*seed=*/1);
  Collect();
  ASSERT_NO_FATAL_FAILURE(Replay());
  EXPECT_EQ(store().last_version(), model_.last_version());
  EXPECT_EQ(next_read_, reads_.size());
  EXPECT_EQ(next_other_, others_.size());
  EXPECT_TRUE(open_.empty());
  EXPECT_EQ(store().EntryCount(), model_.size());
  for (const std::string& key : keys_) {
    EXPECT_EQ(AnswerText(store().Get({.key = key}, token())),
              model_.Get({.key = key}, kStart));
  }
  // Each kind must have been seen often for this to mean anything.
  constexpr size_t kManyEvents = kThreads * kStepsPerThread / 10;
  EXPECT_GT(commits_.size(), kManyEvents);
  EXPECT_GT(reads_.size(), kManyEvents);
  EXPECT_GT(others_.size(), kManyEvents);
}

}  // namespace
}  // namespace latchkey
