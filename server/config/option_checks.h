// What is wrong with the value of an option; empty where nothing is.
//
// Thread safety: free functions, no shared state.

#ifndef LATCHKEY_SERVER_CONFIG_OPTION_CHECKS_H_
#define LATCHKEY_SERVER_CONFIG_OPTION_CHECKS_H_

#include <string>

namespace latchkey {

// HOST:PORT.
std::string CheckListen(const std::string& text);

// The name of a transport.
std::string CheckTransport(const std::string& name);

// A file name that a line of a configuration file can say.
std::string CheckFileName(const std::string& name);

// "*", or an origin as a browser sends it: a scheme, a host and perhaps a port,
// in lower case, and nothing behind them.  Empty is right, too.
std::string CheckOrigin(const std::string& origin);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_CONFIG_OPTION_CHECKS_H_
