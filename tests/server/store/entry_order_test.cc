#include "server/store/entry_order.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace latchkey {
namespace {

class EntryOrderTest : public ::testing::Test {
 protected:
  Entry& Append(const std::string& key) {
    EntryRef entry = Entry::Make(key, "", 0, kNever);
    order_.Append(*entry);
    return *(entries_[key] = entry);
  }

  void Remove(const std::string& key) {
    order_.Remove(*entries_.at(key), [](const Entry&, uint32_t) {});
    entries_.erase(key);
  }

  // The keys below `place`, the last first.
  std::string Below(uint32_t place) {
    std::string keys;
    order_.Walk(&place, SIZE_MAX, [&](Entry& entry) {
      keys += entry.key();
      return true;
    });
    return keys;
  }

  EntryOrder order_;
  std::map<std::string, EntryRef> entries_;
};

TEST_F(EntryOrderTest, IsWalkedFromTheEndInSlices) {
  for (const char* key : {"a", "b", "c", "d"}) Append(key);
  uint32_t place = EntryOrder::kEnd;
  std::string seen;
  const auto take = [&](Entry& entry) {
    seen += entry.key();
    return true;
  };
  order_.Walk(&place, 3, take);
  EXPECT_EQ(seen, "dcb");
  EXPECT_EQ(place, 1u);
  order_.Walk(&place, 3, take);
  EXPECT_EQ(seen, "dcba");
  EXPECT_EQ(place, 0u);
  order_.Walk(&place, 3, take);
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
  const EntryRef entry = Entry::Make("B", "", 0, kNever);
  order_.Replace(*entries_.at("b"), *entry);
  EXPECT_EQ(Below(EntryOrder::kEnd), "cBa");
  EXPECT_EQ(entry->place(), 1u);
}

TEST_F(EntryOrderTest, ARemovalMovesTheLastIntoTheGap) {
  for (const char* key : {"a", "b", "c", "d"}) Append(key);
  Remove("b");
  EXPECT_EQ(Below(EntryOrder::kEnd), "cda");
  EXPECT_EQ(entries_.at("d")->place(), 1u);
  Remove("c");
  EXPECT_EQ(Below(EntryOrder::kEnd), "da");
  Remove("a");
  Remove("d");
  EXPECT_EQ(order_.size(), 0u);
}

TEST_F(EntryOrderTest, NothingCrossesAMark) {
  for (const char* key : {"a", "b", "c", "d", "e", "f"}) Append(key);
  uint32_t mark = 3;
  uint32_t higher = 5;
  order_.AddMark(&higher);
  order_.AddMark(&mark);
  Remove("a");
  EXPECT_EQ(Below(mark), "bc");
  EXPECT_EQ(Below(higher), "debc");
  EXPECT_EQ(Below(EntryOrder::kEnd), "fdebc");
  Remove("c");
  EXPECT_EQ(Below(mark), "b");
  EXPECT_EQ(Below(higher), "edb");
  // Above both: the marks stay.
  Remove("f");
  EXPECT_EQ(Below(mark), "b");
  EXPECT_EQ(Below(higher), "edb");
  order_.RemoveMark(&higher);
  Remove("b");
  EXPECT_EQ(mark, 0u);
  EXPECT_EQ(higher, 3u) << "one that was removed does not move";
}

// Entries come, go and are replaced while walks with marks and without go on.
TEST_F(EntryOrderTest, WalksKeepTheirPromisesWhateverHappens) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    EntryOrder order;
    std::mt19937_64 random(seed);
    std::map<int, EntryRef> entries;
    int next = 0;
    const auto append = [&] {
      const EntryRef entry = Entry::Make(std::to_string(next), "", 0, kNever);
      order.Append(*entry);
      entries[next++] = entry;
    };
    for (int i = 0; i < 50; ++i) append();

    struct MarkedWalk {
      uint32_t mark = 0;
      std::set<std::string> at_start;
      std::set<std::string> seen;
      std::set<std::string> removed;
    };
    std::vector<MarkedWalk> marked(3);
    for (MarkedWalk& walk : marked) {
      walk.mark = static_cast<uint32_t>(order.size());
      order.AddMark(&walk.mark);
      for (const auto& [number, entry] : entries) {
        walk.at_start.emplace(entry->key());
      }
    }
    uint32_t place = EntryOrder::kEnd;
    std::set<std::string> throughout = marked[0].at_start;
    std::set<std::string> seen;

    for (int step = 0; step < 400; ++step) {
      const uint64_t draw = random() % 8;
      if (draw == 0) {
        append();
      } else if (draw <= 2 && !entries.empty()) {
        auto it = entries.begin();
        std::advance(it, random() % entries.size());
        const std::string key(it->second->key());
        order.Remove(*it->second, [](const Entry&, uint32_t) {});
        throughout.erase(key);
        for (MarkedWalk& walk : marked) walk.removed.insert(key);
        entries.erase(it);
      } else if (draw == 3) {
        order.Walk(&place, 1, [&](Entry& entry) {
          seen.emplace(entry.key());
          return true;
        });
      } else {
        MarkedWalk& walk = marked[random() % marked.size()];
        order.Walk(&walk.mark, random() % 3, [&](Entry& entry) {
          EXPECT_TRUE(walk.seen.emplace(entry.key()).second)
              << entry.key() << " was seen twice";
          EXPECT_TRUE(walk.at_start.contains(std::string(entry.key())))
              << entry.key() << " came later";
          return true;
        });
      }
    }
    order.Walk(&place, SIZE_MAX, [&](Entry& entry) {
      seen.emplace(entry.key());
      return true;
    });
    for (const std::string& key : throughout) {
      EXPECT_TRUE(seen.contains(key)) << key << " was missed";
    }
    for (MarkedWalk& walk : marked) {
      order.Walk(&walk.mark, SIZE_MAX, [&](Entry& entry) {
        EXPECT_TRUE(walk.seen.emplace(entry.key()).second);
        return true;
      });
      for (const std::string& key : walk.at_start) {
        EXPECT_TRUE(walk.seen.contains(key) || walk.removed.contains(key))
            << key << " was missed";
      }
    }
  }
}

}  // namespace
}  // namespace latchkey
