// The server's log: one line for each event, to stderr, as key=value or JSON.
//
// What clients store is never logged: no value, and no key.  Fields are what
// the operator gave (addresses, options) and what the server counts.
//
// Thread safety: Log() from any thread, once StartLog() has returned.
//
// Example:
//   Log(LogLevel::kInfo, "listening", {{"address", "127.0.0.1:7411"}});
//   // 2026-11-23T21:47:53.833Z level=info event=listening
//   //     address="127.0.0.1:7411"        (one line)

#ifndef LATCHKEY_SERVER_APP_LOG_H_
#define LATCHKEY_SERVER_APP_LOG_H_

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "server/config/options.h"

namespace latchkey {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

using LogField = std::pair<std::string_view, std::string>;

// Opens the log as `options` want it, and sends the gRPC library's lines there.
void StartLog(const ServerOptions& options);

void Log(LogLevel level, std::string_view event,
         std::initializer_list<LogField> fields = {});

// What follows the time and the level in a line.
std::string FormatLogLine(bool json, std::string_view event,
                          std::initializer_list<LogField> fields);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_APP_LOG_H_
