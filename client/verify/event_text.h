// An event in one line, for people.
//
// Thread safety: free functions, no shared state.

#ifndef LATCHKEY_CLIENT_VERIFY_EVENT_TEXT_H_
#define LATCHKEY_CLIENT_VERIFY_EVENT_TEXT_H_

#include <google/protobuf/message.h>

#include <string>

#include "client/verify/history.h"

namespace latchkey::verify {

// Longer messages are cut.
inline constexpr size_t kMessageTextMax = 400;

// As `Put by 7 from 12.001 to 12.340 ms {key: "k1" value: "v"} -> {version:
// 9}`; times as in the history.
std::string EventText(const HistoryEvent& event);

// As `{key: "k1"}`.
std::string MessageText(const google::protobuf::Message& message);

}  // namespace latchkey::verify

#endif  // LATCHKEY_CLIENT_VERIFY_EVENT_TEXT_H_
