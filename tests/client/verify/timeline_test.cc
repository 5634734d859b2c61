#include "client/verify/timeline.h"

#include <gtest/gtest.h>

#include <string>

namespace latchkey::verify {
namespace {

class TimelineTest : public testing::Test {
 protected:
  // One commit that gives `key` a value, or removes it.
  void Set(const std::string& key, const std::string& value) {
    const StateAt state(timeline_, timeline_.last());
    ModelChanges changes(state);
    changes.Set(key, {.value = value});
    timeline_.Commit(changes);
  }
  void Remove(const std::string& key) {
    const StateAt state(timeline_, timeline_.last());
    ModelChanges changes(state);
    changes.Remove(key);
    timeline_.Commit(changes);
  }

  std::string At(const std::string& key, Place place) const {
    const ModelEntry* const entry = timeline_.Find(key, place);
    return entry == nullptr ? "missing" : entry->value;
  }

  Timeline timeline_;
};

TEST_F(TimelineTest, KnowsEveryPlace) {
  Set("k", "1");
  Set("l", "2");
  Remove("k");
  Set("k", "4");
  EXPECT_EQ(timeline_.last(), 4u);
  EXPECT_EQ(At("k", 0), "missing");
  EXPECT_EQ(At("k", 1), "1");
  EXPECT_EQ(At("k", 2), "1");
  EXPECT_EQ(At("k", 3), "missing");
  EXPECT_EQ(At("k", 4), "4");
  EXPECT_EQ(At("l", 1), "missing");
  EXPECT_EQ(At("l", 4), "2");
  EXPECT_EQ(At("none", 4), "missing");
  EXPECT_EQ(timeline_.size(), 2u);
}

TEST_F(TimelineTest, KnowsWhenAKeyChanges) {
  Set("k", "1");
  Set("l", "2");
  Set("k", "3");
  EXPECT_EQ(timeline_.NextChange("k", 0), 1u);
  EXPECT_EQ(timeline_.NextChange("k", 1), 3u);
  EXPECT_EQ(timeline_.NextChange("k", 3), std::nullopt);
  EXPECT_EQ(timeline_.NextChange("none", 0), std::nullopt);
  EXPECT_EQ(timeline_.LastChange("k", 3), 3u);
  EXPECT_EQ(timeline_.LastChange("k", 2), 1u);
  EXPECT_EQ(timeline_.LastChange("l", 1), 0u);
  EXPECT_EQ(timeline_.LastChange("none", 3), 0u);
}

TEST_F(TimelineTest, ForgetsThePast) {
  Set("k", "1");
  Set("k", "2");
  Set("l", "3");
  Remove("l");
  timeline_.Forget();
  EXPECT_EQ(timeline_.last(), 0u);
  EXPECT_EQ(At("k", 0), "2");
  EXPECT_EQ(At("l", 0), "missing");
  EXPECT_EQ(timeline_.size(), 1u);
  EXPECT_EQ(timeline_.NextChange("k", 0), std::nullopt);
  Set("k", "5");
  EXPECT_EQ(At("k", 0), "2");
  EXPECT_EQ(At("k", 1), "5");
}

}  // namespace
}  // namespace latchkey::verify
