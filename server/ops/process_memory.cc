#include "server/ops/process_memory.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

namespace latchkey {

ProcessMemory::ProcessMemory()
    : statm_(open("/proc/self/statm", O_RDONLY | O_CLOEXEC)) {}

ProcessMemory::~ProcessMemory() {
  if (statm_ >= 0) close(statm_);
}

ProcessMemory::Sizes ProcessMemory::Read() const {
  // Numbers of pages, of which the first two are these.
  char text[128];
  const ssize_t size = pread(statm_, text, sizeof(text) - 1, 0);
  if (size <= 0) return {};
  text[size] = '\0';
  const auto page_bytes = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  char* end = nullptr;
  const size_t virtual_pages = std::strtoull(text, &end, 10);
  const size_t resident_pages = std::strtoull(end, nullptr, 10);
  return {virtual_pages * page_bytes, resident_pages * page_bytes};
}

}  // namespace latchkey
