#include "server/store/entry_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>

namespace latchkey {
namespace {

class EntryOrderTest : public ::testing::Test {
 protected:
  static EntryRef Make(const std::string& key) {
    return Entry::Make(key, "", 0, kNever);
  }

  void Append(const std::string& key) {
    order_.Reserve(order_.size() + 1);
    entries_[key] = &order_.Append(Make(key));
  }

  void Remove(const std::string& key) {
    EXPECT_EQ(order_.Remove(*entries_.at(key))->key(), key);
    entries_.erase(key);
  }

  // The keys below `place`, the last first.
  std::string Below(uint32_t place) {
    std::string keys;
    order_.Walk(&place, SIZE_MAX, [&](Entry& entry) {
      keys += entry.key();
      return true;
    });
    EXPECT_EQ(place, 0u);
    return keys;
  }

  EntryOrder order_;
  std::map<std::string, Entry*> entries_;
};

TEST_F(EntryOrderTest, IsWalkedFromTheEndInSlices) {
  for (const char* key : {"a", "b", "c", "d"}) Append(key);
  uint32_t place = EntryOrder::kEnd;
  std::string seen;
  const auto take = [&](Entry& entry) {
    seen += entry.key();
    return true;
  };
  EXPECT_EQ(order_.Walk(&place, 3, take), 3u);
  EXPECT_EQ(seen, "dcb");
  EXPECT_EQ(place, 1u);
  EXPECT_EQ(order_.Walk(&place, 3, take), 1u);
  EXPECT_EQ(seen, "dcba");
  EXPECT_EQ(place, 0u);
  EXPECT_EQ(order_.Walk(&place, 3, take), 0u);
  EXPECT_EQ(seen, "dcba");
}

TEST_F(EntryOrderTest, WhatIsNotTakenIsStillToBeSeen) {
  for (const char* key : {"a", "b", "c"}) Append(key);
  uint32_t place = EntryOrder::kEnd;
  order_.Walk(&place, 9, [](Entry& entry) { return entry.key() != "b"; });
  EXPECT_EQ(Below(place), "ba");
}

TEST_F(EntryOrderTest, OneThatReplacesAnotherTakesItsPlace) {
  for (const char* key : {"a", "b", "c"}) Append(key);
  EntryRef entry = Make("B");
  EXPECT_EQ(order_.Replace(*entries_.at("b"), entry)->key(), "b");
  EXPECT_EQ(Below(EntryOrder::kEnd), "cBa");
  EXPECT_EQ(entry->place(), 1u);
}

TEST_F(EntryOrderTest, ANewOneTakesThePlaceOfARemovedOne) {
  for (const char* key : {"a", "b", "c", "d"}) Append(key);
  Remove("b");
  Remove("d");
  EXPECT_EQ(Below(EntryOrder::kEnd), "ca");
  EXPECT_EQ(order_.size(), 2u);
  for (const char* key : {"e", "f", "g"}) {
    const uint32_t place = order_.next_place();
    Append(key);
    EXPECT_EQ(entries_.at(key)->place(), place);
  }
  EXPECT_EQ(Below(EntryOrder::kEnd), "gecfa");
  EXPECT_EQ(order_.end(), 5u);
}

TEST_F(EntryOrderTest, ItLetsGoOfItsEntries) {
  EntryRef entry = Make("a");
  {
    EntryOrder order;
    order.Reserve(3);
    order.Append(entry);
    order.Append(Make("b"));
    order.Remove(*entry);
    order.Append(entry);
  }
  EXPECT_EQ(entry->key(), "a");
  // A leak is the sanitizer's to find.
}

// Else a scan of a shard that was emptied held it for long.
TEST_F(EntryOrderTest, AWalkPassesSoManyEmptyPlacesOnly) {
  for (int i = 0; i < 1000; ++i) Append(std::to_string(i));
  for (int i = 1; i < 1000; ++i) Remove(std::to_string(i));
  uint32_t place = EntryOrder::kEnd;
  int slices = 0;
  bool seen = false;
  for (; place > 0; ++slices) {
    const uint32_t before = place;
    EXPECT_LE(order_.Walk(&place, 2,
                          [&](Entry&) {
                            seen = true;
                            return true;
                          }),
              2u);
    ASSERT_LT(place, before);
    ASSERT_LE(std::min(before, 1000u) - place, 32u);
  }
  EXPECT_TRUE(seen);
  EXPECT_GE(slices, 1000 / 32);
}

// Entries come, go and are replaced while walks go on.
TEST_F(EntryOrderTest, WalksKeepTheirPromisesWhateverHappens) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    EntryOrder order;
    std::mt19937_64 random(seed);
    std::map<int, Entry*> entries;
    int next = 0;
    const auto append = [&] {
      order.Reserve(order.size() + 1);
      entries[next] = &order.Append(Make(std::to_string(next)));
      ++next;
    };
    const auto any = [&] {
      auto it = entries.begin();
      std::advance(it, random() % entries.size());
      return it;
    };
    for (int i = 0; i < 50; ++i) append();

    uint32_t place = EntryOrder::kEnd;
    std::set<std::string> throughout;
    for (const auto& [number, entry] : entries) {
      throughout.emplace(entry->key());
    }
    std::multiset<std::string> seen;
    const auto take = [&](Entry& entry) {
      seen.emplace(entry.key());
      return true;
    };
    for (int step = 0; step < 400; ++step) {
      const uint64_t draw = random() % 8;
      if (draw <= 1) {
        append();
      } else if (draw <= 3 && !entries.empty()) {
        const auto it = any();
        throughout.erase(std::string(it->second->key()));
        order.Remove(*it->second);
        entries.erase(it);
      } else if (draw <= 5 && !entries.empty()) {
        const auto it = any();
        EntryRef entry = Make(std::string(it->second->key()));
        order.Replace(*it->second, entry);
        it->second = entry.get();
      } else {
        order.Walk(&place, 1, take);
      }
      ASSERT_EQ(order.size(), entries.size());
    }
    order.Walk(&place, SIZE_MAX, take);
    for (const std::string& key : throughout) {
      EXPECT_EQ(seen.count(key), 1u) << key;
    }
    EXPECT_FALSE(throughout.empty());
    place = EntryOrder::kEnd;
    seen.clear();
    order.Walk(&place, SIZE_MAX, take);
    EXPECT_EQ(seen.size(), entries.size());
  }
}

}  // namespace
}  // namespace latchkey
