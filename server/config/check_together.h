// CheckTogether judges options of latchkeyd of which each is good by itself.
//
// Thread safety: a free function.

#ifndef LATCHKEY_SERVER_CONFIG_CHECK_TOGETHER_H_
#define LATCHKEY_SERVER_CONFIG_CHECK_TOGETHER_H_

#include <string>

#include "server/config/options.h"

namespace latchkey {

// What is wrong about them, beginning with the option, or nothing.
std::string CheckTogether(const ServerOptions& options);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_CONFIG_CHECK_TOGETHER_H_
