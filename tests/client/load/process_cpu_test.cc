#include "client/load/process_cpu.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace latchkey::load {
namespace {

// As proc(5) has it: fields 14 and 15 are 250 and 75 ticks.
constexpr char kAfterName[] =
    " S 1 2 3 4 5 4194304 7 8 9 10 250 75 13 14 20 0 4 0 99 123456 789";

TEST(ProcessCpuTest, ReadsUserAndSystemTime) {
  const auto cpu = ParseProcStat(std::string("123 (latchkeyd)") + kAfterName,
                                 /*ticks_per_second=*/100);
  ASSERT_TRUE(cpu.has_value());
  EXPECT_EQ(cpu->user, 2'500 * kNanosPerMilli);
  EXPECT_EQ(cpu->system, 750 * kNanosPerMilli);
  EXPECT_EQ(cpu->total(), 3'250 * kNanosPerMilli);
}

TEST(ProcessCpuTest, IsNotMisledByTheProgramsName) {
  const auto cpu =
      ParseProcStat(std::string("123 (a) b (c d) 1 2)") + kAfterName, 100);
  ASSERT_TRUE(cpu.has_value());
  EXPECT_EQ(cpu->user, 2'500 * kNanosPerMilli);
}

TEST(ProcessCpuTest, RefusesOtherTexts) {
  for (const char* text : {"", "123", "123 (x)", "123 (x) S 1 2 3",
                           "1 (x) S 1 2 3 4 5 6 7 8 9 10 user system"}) {
    EXPECT_FALSE(ParseProcStat(text, 100).has_value()) << text;
  }
}

TEST(ProcessCpuTest, KnowsThisProcess) {
  EXPECT_TRUE(CpuTimeOf(getpid()).has_value());
  EXPECT_GT(OwnCpuTime().total(), 0);
}

TEST(ProcessCpuTest, KnowsNoSuchProcess) {
  // No process has the number 0 in /proc.
  EXPECT_FALSE(CpuTimeOf(0).has_value());
}

TEST(ProcessCpuTest, SubtractsPartByPart) {
  const CpuTime spent = CpuTime{10, 7} - CpuTime{4, 5};
  EXPECT_EQ(spent.user, 6);
  EXPECT_EQ(spent.system, 2);
}

}  // namespace
}  // namespace latchkey::load
