#include "server/access/lines.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/base/string_view.h"

namespace latchkey {
namespace {

struct CloseFile {
  void operator()(FILE* file) const { std::fclose(file); }
};

absl::StatusOr<std::string> ReadFile(const std::string& name) {
  const auto bad = [&name](const char* problem) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": ", problem));
  };
  const std::unique_ptr<FILE, CloseFile> file(std::fopen(name.c_str(), "rbe"));
  if (file == nullptr) return bad(std::strerror(errno));
  std::string text(kLinesFileBytesMax + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) return bad(std::strerror(errno));
  if (text.size() > kLinesFileBytesMax) return bad("is larger than 1 MiB");
  return text;
}

}  // namespace

absl::Status ReadLines(
    const std::string& file,
    const std::function<absl::Status(std::span<const std::string_view> words)>&
        take) {
  const absl::StatusOr<std::string> text = ReadFile(file);
  if (!text.ok()) return text.status();
  std::vector<std::string_view> words;
  int number = 0;
  for (const absl::string_view line : absl::StrSplit(*text, '\n')) {
    ++number;
    words.clear();
    for (const absl::string_view word :
         absl::StrSplit(line, absl::ByAnyChar(" \t\r"), absl::SkipEmpty())) {
      words.push_back(ToStd(word));
    }
    if (words.empty() || words[0][0] == '#') continue;
    if (absl::Status s = take(words); !s.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(file, ":", number, ": ", s.message()));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckPrincipal(std::string_view name) {
  if (name.size() <= kPrincipalBytesMax &&
      std::all_of(name.begin(), name.end(), absl::ascii_isgraph)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      "a principal is up to 63 characters of visible ASCII");
}

}  // namespace latchkey
