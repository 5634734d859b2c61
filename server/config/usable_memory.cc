#include "server/config/usable_memory.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string_view>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace latchkey {
namespace {

// The number in `file`; INT64_MAX where there is none, as in one that says
// "max".
int64_t LimitIn(const std::string& file) {
  std::ifstream in(file);
  std::string text;
  int64_t limit = INT64_MAX;
  if (!std::getline(in, text) || !absl::SimpleAtoi(text, &limit)) {
    return INT64_MAX;
  }
  return limit;
}

// The least limit of the groups from `path` up to `root`, each in a file
// `name`.  In a container the path may be that of the host, which is not there;
// its own group is at the root.
int64_t LeastLimit(const std::string& root, std::string path,
                   const std::string& name) {
  int64_t least = LimitIn(root + "/" + name);
  for (; path.size() > 1; path.resize(path.rfind('/'))) {
    least = std::min(least, LimitIn(root + path + "/" + name));
  }
  return least;
}

}  // namespace

int64_t ControlGroupMemory(const std::string& cgroup_file,
                           const std::string& root) {
  std::ifstream in(cgroup_file);
  int64_t least = INT64_MAX;
  // As "0::/a/b" for version 2, and "4:memory:/a/b" for version 1.
  for (std::string line; std::getline(in, line);) {
    const std::vector<std::string> parts =
        absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (parts.size() != 3 || !parts[2].starts_with('/')) continue;
    const std::vector<std::string> controllers = absl::StrSplit(parts[1], ',');
    if (parts[1].empty()) {
      least = std::min(least, LeastLimit(root, parts[2], "memory.max"));
    } else if (std::count(controllers.begin(), controllers.end(), "memory") >
               0) {
      least = std::min(least, LeastLimit(root + "/memory", parts[2],
                                         "memory.limit_in_bytes"));
    }
  }
  return least;
}

int64_t UsableMemory() {
  const int64_t machine = sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
  return std::min(machine,
                  ControlGroupMemory("/proc/self/cgroup", "/sys/fs/cgroup"));
}

}  // namespace latchkey
