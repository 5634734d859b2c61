// Every mutant (server/base/mutant.h) is caught by simulation, too, and soon.

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <set>
#include <string>

#include "server/base/mutant.h"
#include "tests/simulation/mutant_cases.h"
#include "tests/simulation/simulation.h"

namespace latchkey::simulation {
namespace {

constexpr uint64_t kSeedsMax = 40;

class SimulatedMutantTest : public ::testing::TestWithParam<MutantCase> {};

std::string SortsOf(const verify::Violations& violations) {
  std::string text;
  for (const auto& [sort, of_sort] : violations.by_sort()) text += " " + sort;
  return text;
}

TEST_P(SimulatedMutantTest, IsCaught) {
  const MutantCase& mutant = GetParam();
  const ScopedMutant active(mutant.mutant);
  verify::Violations found;
  bool expected = false;
  uint64_t seed = 0;
  while (!expected && seed < kSeedsMax) {
    ++seed;
    found.Merge(Simulate({.seed = seed, .small_ledger = mutant.small_ledger})
                    .violations);
    for (const std::string_view sort : mutant.sorts) {
      expected = expected || found.CountOf(sort) > 0;
    }
  }
  std::printf("%s: %llu seeds:%s\n", std::string(mutant.name).c_str(),
              static_cast<unsigned long long>(seed), SortsOf(found).c_str());
  EXPECT_TRUE(expected) << found.ToString();
}

TEST(SimulatedMutantsTest, EachHasItsTest) {
  std::set<Mutant> tried = {Mutant::kNone};
  for (const MutantCase& mutant : MutantCases()) tried.insert(mutant.mutant);
  EXPECT_EQ(tried.size(), static_cast<size_t>(kLastMutant) + 1);
}

INSTANTIATE_TEST_SUITE_P(Each, SimulatedMutantTest,
                         ::testing::ValuesIn(MutantCases()),
                         [](const auto& info) {
                           return std::string(info.param.name);
                         });

}  // namespace
}  // namespace latchkey::simulation
