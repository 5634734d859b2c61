// What control groups allow, as files of both versions say it.

#include "server/config/usable_memory.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace latchkey {
namespace {

class ControlGroupMemoryTest : public ::testing::Test {
 protected:
  ~ControlGroupMemoryTest() override { std::filesystem::remove_all(root_); }

  void Write(const std::string& path, const std::string& text) {
    const std::string file = root_ + "/" + path;
    std::filesystem::create_directories(
        std::filesystem::path(file).parent_path());
    std::ofstream(file) << text << "\n";
  }

  int64_t Memory() { return ControlGroupMemory(root_ + "/self", root_); }

  const std::string root_ =
      ::testing::TempDir() + "/usable_memory_" +
      ::testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(ControlGroupMemoryTest, IsNoneWhereThereAreNoGroups) {
  EXPECT_EQ(Memory(), INT64_MAX);
  Write("self", "0::/");
  EXPECT_EQ(Memory(), INT64_MAX);
}

TEST_F(ControlGroupMemoryTest, OfVersion2IsTheLeastOnTheWayToTheRoot) {
  Write("self", "0::/a/b");
  Write("a/memory.max", "1000");
  Write("a/b/memory.max", "max");
  EXPECT_EQ(Memory(), 1000);
  Write("a/b/memory.max", "900");
  EXPECT_EQ(Memory(), 900);
  Write("memory.max", "800");
  EXPECT_EQ(Memory(), 800);
}

TEST_F(ControlGroupMemoryTest, OfVersion1IsUnderItsController) {
  Write("self", "7:cpu,cpuacct:/a\n4:memory:/a/b\n0::/");
  Write("memory/a/b/memory.limit_in_bytes", "5000");
  EXPECT_EQ(Memory(), 5000);
  Write("memory/a/memory.limit_in_bytes", "4000");
  EXPECT_EQ(Memory(), 4000);
}

TEST_F(ControlGroupMemoryTest, OfAContainerIsAtTheRoot) {
  Write("self", "0::/the/path/of/the/host");
  Write("memory.max", "700");
  EXPECT_EQ(Memory(), 700);
}

TEST_F(ControlGroupMemoryTest, NonsenseIsNoLimit) {
  Write("self", "x\n\n0::\n0::a\n0::/a");
  Write("a/memory.max", "lots");
  EXPECT_EQ(Memory(), INT64_MAX);
}

TEST(UsableMemoryTest, IsSome) {
  EXPECT_GT(UsableMemory(), int64_t{16} * 1024 * 1024);
  EXPECT_LT(UsableMemory(), int64_t{1} << 50);
}

}  // namespace
}  // namespace latchkey
