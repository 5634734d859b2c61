// The mutants (server/base/mutant.h) that simulation must find, and what must
// be found of each.  All concern what is simulated.
//
// Thread safety: constants.

#ifndef LATCHKEY_TESTS_SIMULATION_MUTANT_CASES_H_
#define LATCHKEY_TESTS_SIMULATION_MUTANT_CASES_H_

#include <string_view>
#include <vector>

#include "server/base/mutant.h"

namespace latchkey::simulation {

struct MutantCase {
  Mutant mutant;
  std::string_view name;
  // At least one of these must be found: what the fault is about.
  std::vector<std::string_view> sorts;
  // It needs a ledger that is full.
  bool small_ledger = false;
};

const std::vector<MutantCase>& MutantCases();

}  // namespace latchkey::simulation

#endif  // LATCHKEY_TESTS_SIMULATION_MUTANT_CASES_H_
