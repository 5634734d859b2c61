// ReadLines reads the files by which an operator says who may call: words
// between white space, a line at a time; `#` at its beginning makes a line a
// comment.
//
// Thread safety: a free function.

#ifndef LATCHKEY_SERVER_ACCESS_LINES_H_
#define LATCHKEY_SERVER_ACCESS_LINES_H_

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace latchkey {

// The largest file: some ten thousand lines.
inline constexpr size_t kLinesFileBytesMax = 1024 * 1024;

// A principal's name has that many bytes of visible ASCII at most.
inline constexpr size_t kPrincipalBytesMax = 63;

// Gives the words of each line that has any to `take`, until it returns an
// error: its message says what is wrong about the line.
//
// Errors: INVALID_ARGUMENT, as "tokens.txt:3: ..." for a line and
// "tokens.txt: ..." for the file.
absl::Status ReadLines(
    const std::string& file,
    const std::function<absl::Status(std::span<const std::string_view> words)>&
        take);

// INVALID_ARGUMENT for what is no name of a principal.
absl::Status CheckPrincipal(std::string_view name);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_ACCESS_LINES_H_
