// VersionFloors remembers, for each key, the latest commit that the server has
// acknowledged or shown to anyone in this run.  Versions of a key only grow, so
// a read that begins afterwards and finds an older one has lost a write.
//
// Thread safety: all methods may be called from any thread.  Memory order: the
// thread that has seen an answer publishes its version with Raise() (release);
// a thread whose At() (acquire) observes it sends its read after that answer
// had come, so the server must show that version or a later one.

#ifndef LATCHKEY_CLIENT_LOAD_VERSION_FLOORS_H_
#define LATCHKEY_CLIENT_LOAD_VERSION_FLOORS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace latchkey::load {

class VersionFloors {
 public:
  explicit VersionFloors(size_t keys) : floors_(keys) {}

  uint64_t At(uint64_t key_index) const {
    return floors_[key_index].load(std::memory_order_acquire);
  }

  void Raise(uint64_t key_index, uint64_t version) {
    std::atomic<uint64_t>& floor = floors_[key_index];
    uint64_t old = floor.load(std::memory_order_relaxed);
    // Ends: each failure means that another thread has raised the floor.
    while (old < version &&
           !floor.compare_exchange_weak(old, version, std::memory_order_release,
                                        std::memory_order_relaxed)) {
    }
  }

 private:
  std::vector<std::atomic<uint64_t>> floors_;
};

}  // namespace latchkey::load

#endif  // LATCHKEY_CLIENT_LOAD_VERSION_FLOORS_H_
