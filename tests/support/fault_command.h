// Commands to a FaultProxy as lines of text, for tests that are not written in
// C++: `fault-proxy` reads them from its stdin.
//
// Example:
//   RunFaultCommand(proxy, "truncate to-client 100")   // "ok connections=3"
//   RunFaultCommand(proxy, "truncate sideways 100")    // "error direction is
//   ..."

#ifndef LATCHKEY_TESTS_SUPPORT_FAULT_COMMAND_H_
#define LATCHKEY_TESTS_SUPPORT_FAULT_COMMAND_H_

#include <string>
#include <string_view>

#include "tests/support/fault_proxy.h"

namespace latchkey {

// What commands there are; a line each, and how they answer.
extern const char kFaultCommandHelp[];

// Runs one command.  The answer, without the line's end: "ok", perhaps with
// NAME=VALUE pairs, or "error" and why.
//
// Thread safety: that of FaultProxy.
std::string RunFaultCommand(FaultProxy& proxy, std::string_view line);

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SUPPORT_FAULT_COMMAND_H_
