// UsableMemory is what this process may have of the machine's memory: all of
// it, or what the container it runs in allows.
//
// Thread safety: any thread.

#ifndef LATCHKEY_SERVER_CONFIG_USABLE_MEMORY_H_
#define LATCHKEY_SERVER_CONFIG_USABLE_MEMORY_H_

#include <cstdint>
#include <string>

namespace latchkey {

// In bytes.
int64_t UsableMemory();

// The least limit that the control groups of a process set, those above its own
// included; INT64_MAX where none does.  `cgroup_file` is its /proc/self/cgroup,
// and `root` where they are mounted, as /sys/fs/cgroup.
int64_t ControlGroupMemory(const std::string& cgroup_file,
                           const std::string& root);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_CONFIG_USABLE_MEMORY_H_
