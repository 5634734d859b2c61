// Strings in JSON.
//
// Thread safety: a free function, no shared state.

#ifndef LATCHKEY_CLIENT_VERIFY_JSON_TEXT_H_
#define LATCHKEY_CLIENT_VERIFY_JSON_TEXT_H_

#include <string>
#include <string_view>

namespace latchkey::verify {

// What bytes that are no text are marked with.
inline constexpr std::string_view kBase64Mark = "base64:";

// `bytes` as a JSON string, quotes included.  Bytes that are no printable ASCII
// or begin with kBase64Mark become that mark and their base64.
std::string JsonText(std::string_view bytes);

}  // namespace latchkey::verify

#endif  // LATCHKEY_CLIENT_VERIFY_JSON_TEXT_H_
