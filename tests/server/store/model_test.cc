// The store against the model: the same random requests, answer by answer,
// under a clock that moves.  LATCHKEY_SEED=N runs that seed instead of the
// usual ones.

#include "tests/server/store/model.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "tests/server/store/answer_text.h"
#include "tests/server/store/random_transactions.h"
#include "tests/server/store/store_fixture.h"

namespace latchkey {
namespace {

constexpr int kSteps = 20'000;

std::vector<uint64_t> Seeds() {
  const char* seed = std::getenv("LATCHKEY_SEED");
  if (seed != nullptr) return {std::strtoull(seed, nullptr, 10)};
  return {1, 2, 3};
}

class ModelTest : public StoreTest,
                  public ::testing::WithParamInterface<uint64_t> {
 protected:
  ModelTest()
      : model_(store().last_version()),
        random_(GetParam(), keys_,
                [this](std::string_view key) { return Look(key).entry; }) {}

  // Each asks both and expects the same answer.
  void Write() {
    const OwnedTransaction owned = random_.Next(Now());
    const Transaction transaction = owned.View();
    const WriteResult answer = store().Write(transaction, token());
    ASSERT_EQ(AnswerText(answer), model_.Write(transaction, Now()))
        << RequestText(transaction);
    ++(answer.ok() ? succeeded_ : failed_);
  }

  void Read() {
    const GetOperation get = random_.NextGet();
    ASSERT_EQ(AnswerText(store().Get(get, token())), model_.Get(get, Now()));
    const auto keys = random_.NextKeys(6);
    ASSERT_EQ(AnswerText(store().BatchGetAtomic(keys, token())),
              model_.BatchGet(keys, /*atomic=*/true, Now()));
    ASSERT_EQ(AnswerText(store().BatchGet(keys, token())),
              model_.BatchGet(keys, /*atomic=*/false, Now()));
  }

  void Sweep() { ASSERT_EQ(store().SweepExpired(1000), model_.Sweep(Now())); }

  void Step() {
    const uint64_t kind = random_.Draw(20);
    if (kind == 0) {
      Sweep();
    } else if (kind <= 3) {
      Advance(random_.NextPause());
    } else if (kind <= 6) {
      Read();
    } else {
      Write();
    }
    ASSERT_EQ(store().last_version(), model_.last_version());
    ASSERT_EQ(store().EntryCount(), model_.size());
  }

  const std::vector<std::string> keys_ = {"a", "b", "c", "d", "e", "f"};
  Model model_;
  RandomTransactions random_;
  int succeeded_ = 0;
  int failed_ = 0;
};

TEST_P(ModelTest, EveryAnswerIsTheModels) {
  for (int step = 0; step < kSteps; ++step) {
    ASSERT_NO_FATAL_FAILURE(Step())
        << "LATCHKEY_SEED=" << GetParam() << " step " << step;
  }
  for (const std::string& key : keys_) {
    ASSERT_EQ(AnswerText(store().Get({.key = key}, token())),
              model_.Get({.key = key}, Now()));
  }
  // A run that only fails, or never does, would show little.
  EXPECT_GT(succeeded_, kSteps / 5);
  EXPECT_GT(failed_, kSteps / 10);
}

INSTANTIATE_TEST_SUITE_P(Seeds, ModelTest, ::testing::ValuesIn(Seeds()),
                         ::testing::PrintToStringParamName());

}  // namespace
}  // namespace latchkey
