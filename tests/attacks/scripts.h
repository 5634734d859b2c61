// The attacks, by name.
//
// Thread safety: an instance belongs to one thread.

#ifndef LATCHKEY_TESTS_ATTACKS_SCRIPTS_H_
#define LATCHKEY_TESTS_ATTACKS_SCRIPTS_H_

#include <string>
#include <vector>

#include "tests/attacks/flood.h"

namespace latchkey {

struct Attack {
  std::string name;
  Script script;
  // Whether the server, and the good client, have TLS.
  bool tls = false;
  // Whether the server may have few more descriptors than it has.
  bool few_descriptors = false;
};

std::vector<Attack> AllAttacks();

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_ATTACKS_SCRIPTS_H_
