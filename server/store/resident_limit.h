// ResidentLimit keeps what a process really holds in memory near its limit, by
// letting its store use less of it.
//
// A store counts what it asks of the allocator.  That loses more, between and
// in the blocks it hands out: little as long as what comes is of the size of
// what left, and as much again after that has changed.  The limit is of the
// machine or the container, so what is lost has to come out of it: while more
// is resident than `soft_max`, what is usable goes down, step by step, since
// only what is freed and used again, or given back, makes it less; else it goes
// up again.
//
// Thread safety: Look() is called by one thread at a time.

#ifndef LATCHKEY_SERVER_STORE_RESIDENT_LIMIT_H_
#define LATCHKEY_SERVER_STORE_RESIDENT_LIMIT_H_

#include <cstddef>

#include "server/store/memory_budget.h"

namespace latchkey {

class ResidentLimit {
 public:
  // `budget` must outlive the limit; `before` is resident beside what it
  // counts.
  ResidentLimit(MemoryBudget& budget, size_t before);

  ResidentLimit(const ResidentLimit&) = delete;
  ResidentLimit& operator=(const ResidentLimit&) = delete;

  // Learns that the process holds `resident` bytes, 0 where that is not known,
  // and changes what is usable. Between two calls there should be some tens of
  // milliseconds.
  void Look(size_t resident);

  // What may be resident before less is usable: what was before, a twentieth
  // more than the budget, for the allocator, and 16 MiB for connections.
  size_t soft_max() const { return soft_max_; }

  // However much is lost, half of the budget stays usable: a store that holds
  // nothing is none.
  size_t usable_min() const { return budget_.bytes_max() / 2; }

 private:
  MemoryBudget& budget_;
  const size_t soft_max_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_RESIDENT_LIMIT_H_
