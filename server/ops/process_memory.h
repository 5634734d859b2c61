// ProcessMemory tells how much memory this process has.
//
// Thread safety: Read() from any thread.

#ifndef LATCHKEY_SERVER_OPS_PROCESS_MEMORY_H_
#define LATCHKEY_SERVER_OPS_PROCESS_MEMORY_H_

#include <cstddef>

namespace latchkey {

class ProcessMemory {
 public:
  // Zeros where the system does not tell.
  struct Sizes {
    size_t virtual_bytes = 0;
    size_t resident_bytes = 0;
  };

  // Takes a descriptor, so that a process that runs out of them can still read.
  ProcessMemory();
  ~ProcessMemory();

  ProcessMemory(const ProcessMemory&) = delete;
  ProcessMemory& operator=(const ProcessMemory&) = delete;

  // Costs some microseconds.
  Sizes Read() const;

 private:
  // -1 where there is no such file.
  const int statm_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_OPS_PROCESS_MEMORY_H_
