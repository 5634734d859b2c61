#include "client/load/mix.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace latchkey::load {
namespace {

struct GoodMix {
  const char* name;
  uint32_t read_weight;
  uint32_t write_weight;
  WriteKind write;
};

TEST(MixTest, KnowsEveryMix) {
  constexpr GoodMix kGood[] = {
      {"get", 1, 0, WriteKind::kPut},
      {"put", 0, 1, WriteKind::kPut},
      {"mixed:90/10", 90, 10, WriteKind::kPut},
      {"mixed:1/0", 1, 0, WriteKind::kPut},
      {"mixed:0/1", 0, 1, WriteKind::kPut},
      {"mixed:1000000/1", 1'000'000, 1, WriteKind::kPut},
      {"ycsb-a", 50, 50, WriteKind::kPut},
      {"ycsb-b", 95, 5, WriteKind::kPut},
      {"ycsb-c", 100, 0, WriteKind::kPut},
      {"ycsb-f", 50, 50, WriteKind::kReadModifyWrite},
      {"transfer", 10, 90, WriteKind::kTransfer},
  };
  for (const GoodMix& good : kGood) {
    const auto mix = ParseMix(good.name);
    ASSERT_TRUE(mix.ok()) << mix.status();
    EXPECT_EQ(mix->name, good.name);
    EXPECT_EQ(mix->read_weight, good.read_weight) << good.name;
    EXPECT_EQ(mix->write_weight, good.write_weight) << good.name;
    EXPECT_EQ(mix->write, good.write) << good.name;
  }
}

TEST(MixTest, RefusesWhatIsNone) {
  for (const std::string name :
       {"", "GET", "gets", "get ", "ycsb-d", "mixed", "mixed:", "mixed:90",
        "mixed:90/", "mixed:/10", "mixed:90/10/1", "mixed:0/0", "mixed:-1/2",
        "mixed:+1/2", "mixed: 90/10", "mixed:9.5/1", "mixed:1000001/1",
        "mixed:99999999999/1", "mixed:90:10"}) {
    const auto mix = ParseMix(name);
    EXPECT_EQ(mix.status().code(), absl::StatusCode::kInvalidArgument) << name;
    EXPECT_THAT(std::string(mix.status().message()),
                testing::HasSubstr("\"" + name + "\""));
  }
}

}  // namespace
}  // namespace latchkey::load
