// Scans against a model, under random writes of every kind: a snapshot shows
// the model's state of its beginning, exactly; a fuzzy scan all that was there
// throughout.  LATCHKEY_SEED=N runs that seed instead of the usual ones.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/server/store/answer_text.h"
#include "tests/server/store/model.h"
#include "tests/server/store/random_transactions.h"
#include "tests/server/store/scan_fixture.h"

namespace latchkey {
namespace {

constexpr int kSteps = 12'000;
constexpr size_t kKeysPerShard = 130;
constexpr size_t kScans = 3;

std::vector<uint64_t> Seeds() {
  const char* seed = std::getenv("LATCHKEY_SEED");
  if (seed != nullptr) return {std::strtoull(seed, nullptr, 10)};
  return {1, 2, 3};
}

class SnapshotModelTest : public ScanTest,
                          public ::testing::WithParamInterface<uint64_t> {
 protected:
  SnapshotModelTest()
      : keys_(MakeKeys()),
        model_(store().last_version()),
        random_(GetParam(), keys_,
                [this](std::string_view key) { return Look(key).entry; }) {
    for (const std::string& key : keys_) {
      const Operation put = PutOperation{.key = key, .value = "1"};
      Do(put).IgnoreError();
      model_.Write({.on_success = {&put, 1}}, Now());
    }
  }

  std::vector<std::string> MakeKeys() {
    std::vector<std::string> keys;
    for (const ShardIndex shard : {7, 8, 200}) {
      for (std::string& key : KeysIn(shard, kKeysPerShard)) {
        keys.push_back(std::move(key));
      }
    }
    return keys;
  }

  Seen ModelState() {
    Seen state;
    for (const std::string& key : keys_) {
      const Model::Entry* entry = model_.Find(key, Now());
      if (entry == nullptr) continue;
      state.insert(absl::StrCat(key, "=", entry->value, " v", entry->version,
                                " f", entry->flags, " e", entry->expire_time));
    }
    return state;
  }

  void Write() {
    const OwnedTransaction owned = random_.Next(Now());
    const Transaction transaction = owned.View();
    const WriteResult answer = store().Write(transaction, token());
    ASSERT_EQ(AnswerText(answer), model_.Write(transaction, Now()));
  }

  struct Snapshotted {
    RunningScan scan;
    Seen expected;
  };
  struct Fuzzied {
    RunningScan scan;
    std::set<std::string> throughout;
  };

  void StepSnapshot(std::optional<Snapshotted>& running) {
    if (!running.has_value()) {
      running.emplace(
          Snapshotted{Snapshot(10 + random_.Draw(150)), ModelState()});
      ++snapshots_;
      return;
    }
    RunningScan& scan = running->scan;
    if (scan.at_end()) {
      ASSERT_EQ(scan.seen(), running->expected);
      running.reset();
      return;
    }
    scan.Next();
    if (random_.OneIn(8) && !scan.at_end()) {
      const size_t lost = random_.Draw(std::min<size_t>(scan.pages(), 4));
      ASSERT_TRUE(scan.Resume(lost).ok());
    }
  }

  void StepFuzzy() {
    if (!fuzzy_.has_value()) {
      fuzzy_.emplace(
          Fuzzied{Fuzzy(10 + random_.Draw(150)), {keys_.begin(), keys_.end()}});
    } else if (fuzzy_->scan.at_end()) {
      std::set<std::string> seen;
      for (const std::string& entry : fuzzy_->scan.seen()) {
        seen.insert(entry.substr(0, entry.find('=')));
      }
      for (const std::string& key : fuzzy_->throughout) {
        ASSERT_TRUE(seen.contains(key)) << key;
        ++seen_throughout_;
      }
      fuzzy_.reset();
    } else {
      fuzzy_->scan.Next();
    }
  }

  void Step() {
    const uint64_t kind = random_.Draw(40);
    if (kind == 0) {
      ASSERT_EQ(store().SweepExpired(10'000), model_.Sweep(Now()));
    } else if (kind == 1) {
      Advance(random_.NextPause());
    } else if (kind < 6) {
      StepSnapshot(snapshot_scans_[random_.Draw(kScans)]);
    } else if (kind == 6) {
      StepFuzzy();
    } else {
      Write();
    }
    if (fuzzy_.has_value()) {
      std::erase_if(fuzzy_->throughout, [this](const std::string& key) {
        return model_.Find(key, Now()) == nullptr;
      });
    }
  }

  const std::vector<std::string> keys_;
  Model model_;
  RandomTransactions random_;
  std::optional<Snapshotted> snapshot_scans_[kScans];
  std::optional<Fuzzied> fuzzy_;
  int snapshots_ = 0;
  int seen_throughout_ = 0;
};

TEST_P(SnapshotModelTest, ShowsTheModel) {
  for (int step = 0; step < kSteps; ++step) {
    ASSERT_NO_FATAL_FAILURE(Step())
        << "LATCHKEY_SEED=" << GetParam() << " step " << step;
  }
  // A run without either would show little.
  EXPECT_GT(snapshots_, 25);
  EXPECT_GT(seen_throughout_, 100);
}

INSTANTIATE_TEST_SUITE_P(Seeds, SnapshotModelTest, ::testing::ValuesIn(Seeds()),
                         ::testing::PrintToStringParamName());

}  // namespace
}  // namespace latchkey
