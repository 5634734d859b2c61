// Makes jemalloc the allocator of the programs it is linked into, and
// configures it.
//
// tests/bench/README.md compares it with others.

#include <jemalloc/jemalloc.h>

// jemalloc's own configuration, read once at the start of a process; the
// environment's MALLOC_CONF goes before.
//
//   dirty_decay_ms  How long freed pages are kept for what comes next.  Short:
//                   what is resident counts against --memory-max-bytes
//                   (ResidentLimit), and other pages come to be needed.
//   muzzy_decay_ms  Pages that the system may take, but still counts as ours.
//   background_thread
//                   Gives pages back in time also of threads that have nothing
//                   to do: else those keep what a burst of hostile messages
//                   had made them take.
//   tcache_nslots_small_max
//                   How many blocks of a size a thread keeps, half of which it
//                   fetches at once.  Few: where what is replaced is not freed,
//                   as beside a snapshot scan, that makes new pages, which
//                   takes as long as some tens of Puts.
const char* malloc_conf =
    "dirty_decay_ms:200,muzzy_decay_ms:0,background_thread:true,"
    "tcache_nslots_small_max:16";
