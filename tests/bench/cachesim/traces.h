// The traces that cachesim replays: files in three formats, and synthetic ones.
//
// Thread safety: free functions and values.

#ifndef LATCHKEY_TESTS_BENCH_CACHESIM_TRACES_H_
#define LATCHKEY_TESTS_BENCH_CACHESIM_TRACES_H_

#include <cstdint>
#include <string>
#include <vector>

namespace latchkey {

struct Request {
  uint64_t key = 0;
  uint32_t bytes = 0;  // Of the value.
};

struct Trace {
  std::string name;
  std::vector<Request> requests;
  // Why there is none; empty: there is.
  std::string error;
};

// Reads a file, whose format its name tells: `.csv` has lines of
// `time,key,size`, with or without a heading; `.oracleGeneral` or `.bin` is
// libCacheSim's (a record of 24 bytes, little-endian: time 4, key 8, size 4,
// next access 8); anything else is one key in a line, of `bytes` each.
Trace ReadTrace(const std::string& path, uint32_t bytes);

// Makes a trace of `requests` over `keys` keys by its name: zipf-SKEW (as
// zipf-0.99), scan (zipf-0.99 with a pass over new keys now and then), loop
// (all keys in turn, again and again).
Trace MakeTrace(const std::string& name, uint64_t keys, uint64_t requests,
                uint32_t bytes);

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_BENCH_CACHESIM_TRACES_H_
