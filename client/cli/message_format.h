// Responses as JSON and as lines of text.  Both walk the message's descriptor,
// so that a field added to the API is shown without new code here.
//
// JSON: every field under its name in the .proto file.
//   - A bytes field `x` is `x_base64`, and also `x_text` where it is UTF-8.
//   - A 64-bit number is a string, as in protobuf's JSON form: a version has
//   more
//     digits than jq or JavaScript keep.
//   - Duration and Timestamp are strings, as "1.500s", "2030-01-31T12:00:00Z".
//   - An enum is its name.
//   - An absent message is null, an empty list [], an unset choice of a oneof
//   or
//     optional field is left out.
//
// Lines: `path=value`, without absent messages; bytes as EscapeForDisplay shows
// them.  As: previous.value=hello.
//
// Thread safety: free functions, no shared state.

#ifndef LATCHKEY_CLIENT_CLI_MESSAGE_FORMAT_H_
#define LATCHKEY_CLIENT_CLI_MESSAGE_FORMAT_H_

#include <google/protobuf/message.h>

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>

#include "client/lib/call_error.h"
#include "client/lib/logical_call.h"

namespace latchkey::client {

nlohmann::ordered_json MessageToJson(const google::protobuf::Message& message);

// How a call failed: {"error": {"code", "reason", "message", "field",
// "metadata", "outcome", "idempotency_key", "stamp", "attempts"}}; `outcome` is
// "not_applied" or "unknown".
nlohmann::ordered_json ErrorToJson(const CallResult& result);

// Each line ends in '\n'.
std::string MessageToLines(const google::protobuf::Message& message);

// "ABORTED PRECONDITION_FAILED: version is 7 (current_version=7)".
std::string ErrorToText(const CallError& error);

// Whether a call that failed changed anything, and how to find out; empty for a
// read.  `options` are the words of the command that does, by which it finds
// the server.
std::string OutcomeToText(const CallResult& result,
                          std::span<const std::string> options);

// One line, without its end.  Text that is not UTF-8 is replaced, not refused.
std::string DumpJson(const nlohmann::ordered_json& json);

}  // namespace latchkey::client

#endif  // LATCHKEY_CLIENT_CLI_MESSAGE_FORMAT_H_
