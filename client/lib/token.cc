#include "client/lib/token.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace latchkey::client {
namespace {

struct CloseFile {
  void operator()(FILE* file) const { std::fclose(file); }
};

}  // namespace

absl::StatusOr<std::string> ReadTokenFile(const std::string& file) {
  const auto bad = [&file](const char* problem) {
    return absl::InvalidArgumentError(
        absl::StrCat("--token-file: ", file, ": ", problem));
  };
  const std::unique_ptr<FILE, CloseFile> in(std::fopen(file.c_str(), "rbe"));
  if (in == nullptr) return bad(std::strerror(errno));
  // With an end of line, or two characters of it.
  std::string text(kTokenBytesMax + 2, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), in.get()));
  if (std::ferror(in.get()) != 0) return bad(std::strerror(errno));
  absl::StripAsciiWhitespace(&text);
  if (text.empty()) return bad("there is no token in it");
  if (text.size() > kTokenBytesMax || std::fgetc(in.get()) != EOF) {
    return bad("a token has 4096 characters at most");
  }
  if (!std::all_of(text.begin(), text.end(), absl::ascii_isgraph)) {
    return bad("a token has characters of visible ASCII only");
  }
  return text;
}

}  // namespace latchkey::client
