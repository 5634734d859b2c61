// An origin of web pages, as it is given on a command line.
//
// Thread safety: a free function, no shared state.

#ifndef LATCHKEY_SERVER_CONFIG_ORIGIN_H_
#define LATCHKEY_SERVER_CONFIG_ORIGIN_H_

#include <string>

namespace latchkey {

// What is wrong with `origin`, which must be "*" or what a browser sends: a
// scheme, a host and perhaps a port, in lower case, and nothing behind them.
// Empty where it is right, or is empty itself.
std::string CheckOrigin(const std::string& origin);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_CONFIG_ORIGIN_H_
