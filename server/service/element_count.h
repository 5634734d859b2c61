// Counts the elements of a request before it is parsed.  An empty element costs
// two bytes on the wire and a hundred as a message, so a list of millions has
// to be refused before it is built.
//
// Thread safety: a free function, no shared state.

#ifndef LATCHKEY_SERVER_SERVICE_ELEMENT_COUNT_H_
#define LATCHKEY_SERVER_SERVICE_ELEMENT_COUNT_H_

#include <cstddef>
#include <string_view>

namespace latchkey {

// How often the repeated field `number`, of messages or bytes, stands in the
// serialized message `bytes`.  What follows a malformed field is not counted:
// the parser refuses that message.
size_t CountElements(std::string_view bytes, int number);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SERVICE_ELEMENT_COUNT_H_
