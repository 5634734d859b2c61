// Compares what hot_messages reads with what the generated code and the Decoder
// make of the same bytes.
//
// Thread safety: a free function, no shared state.

#ifndef LATCHKEY_TESTS_SERVER_SERVICE_HOT_MESSAGES_ORACLE_H_
#define LATCHKEY_TESTS_SERVER_SERVICE_HOT_MESSAGES_ORACLE_H_

#include <string>
#include <string_view>

namespace latchkey {

// Which readers took `request`, as letters: g (Get), p (Put), b (BatchGet); or,
// where one took what it must not take or read it wrongly, "wrong: " and how.
std::string CompareReaders(std::string_view request);

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SERVER_SERVICE_HOT_MESSAGES_ORACLE_H_
