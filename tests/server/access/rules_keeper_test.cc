#include "server/access/rules_keeper.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

namespace latchkey {
namespace {

class RulesKeeperTest : public testing::Test {
 protected:
  ~RulesKeeperTest() override { std::remove(file_.c_str()); }

  std::unique_ptr<RulesKeeper> Open(const std::string& text) {
    Write(text);
    auto keeper = RulesKeeper::Open(file_);
    EXPECT_TRUE(keeper.ok()) << keeper.status();
    return *std::move(keeper);
  }
  void Write(const std::string& text) { std::ofstream(file_) << text; }

  static bool MayRead(const RulesKeeper& keeper, const char* key) {
    return keeper.rules().Allows("ann", Verb::kRead, key);
  }

  const std::string file_ = testing::TempDir() + "rules_keeper";
};

TEST_F(RulesKeeperTest, AnotherFileIsTaken) {
  const auto keeper = Open("ann text:a read");
  EXPECT_TRUE(MayRead(*keeper, "a"));
  Write("ann text:b read");
  EXPECT_TRUE(MayRead(*keeper, "a"));
  ASSERT_TRUE(keeper->Reload().ok());
  EXPECT_FALSE(MayRead(*keeper, "a"));
  EXPECT_TRUE(MayRead(*keeper, "b"));
}

TEST_F(RulesKeeperTest, AllOfAFileOrNothing) {
  const auto keeper = Open("ann text:a read");
  for (const char* bad : {"ann text:b read\nann text:c red", "", "# none"}) {
    Write(bad);
    EXPECT_EQ(keeper->Reload().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_TRUE(MayRead(*keeper, "a"));
    EXPECT_FALSE(MayRead(*keeper, "b"));
  }
}

TEST_F(RulesKeeperTest, KeepersOfOneThreadAreApart) {
  const auto first = Open("ann text:a read");
  const auto second = Open("ann text:b read");
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(MayRead(*first, "a"));
    EXPECT_TRUE(MayRead(*second, "b"));
    EXPECT_FALSE(MayRead(*second, "a"));
  }
}

TEST_F(RulesKeeperTest, ThreadsSeeOneFileOrTheOther) {
  const auto keeper = Open("ann text:a read\nann text:b read");
  std::atomic<bool> done = false;
  std::atomic<int> torn = 0;
  std::thread reader([&] {
    while (!done.load()) {
      const AccessRules& rules = keeper->rules();
      if (rules.Allows("ann", Verb::kRead, "a") !=
          rules.Allows("ann", Verb::kRead, "b")) {
        ++torn;
      }
    }
  });
  for (int i = 0; i < 200; ++i) {
    Write(i % 2 == 0 ? "ann text:c read" : "ann text:a read\nann text:b read");
    EXPECT_TRUE(keeper->Reload().ok());
  }
  done = true;
  reader.join();
  EXPECT_EQ(torn, 0);
  EXPECT_TRUE(MayRead(*keeper, "a"));
}

TEST_F(RulesKeeperTest, ABadFileAtFirstOpensNothing) {
  Write("ann nonsense");
  EXPECT_EQ(RulesKeeper::Open(file_).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace latchkey
