// The traces that cachesim replays: files in three formats, and synthetic ones.
//
// Thread safety: free functions and values.

#ifndef LATCHKEY_TESTS_BENCH_CACHESIM_TRACES_H_
#define LATCHKEY_TESTS_BENCH_CACHESIM_TRACES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace latchkey {

struct Request {
  uint64_t key = 0;
  uint32_t bytes = 0;  // Of the value.
  // When it comes, since the beginning, and for how long a put of the key
  // lasts; 0 is for ever.
  uint32_t seconds = 0;
  uint32_t ttl_seconds = 0;
};

struct Trace {
  std::string name;
  // The size of all keys; more than what a key needs to be one.
  size_t key_bytes = 12;
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
// (all keys in turn, again and again), shift (zipf-0.99 whose popularity
// changes: twenty times in the trace a quarter of it, of all ranks alike, goes
// to other keys), twitter.
//
// twitter is what the median of Twitter's clusters looks like by the figures of
// Yang, Yue and Rashmi, "A large scale analysis of hundreds of in-memory cache
// clusters at Twitter" (OSDI 2020), and no trace of theirs:
//
//   popularity  Zipf, skew 1.2; what comes once in a trace comes from its tail
//   sizes       of keys 38 B; of a key with its value 230 B in the median, and
//               for 24 % below 100 B: the log-normal that has both
//   expiry      half of the keys 20 minutes after a put, a quarter after 12
//               hours, a quarter after more than the trace's two days
Trace MakeTrace(const std::string& name, uint64_t keys, uint64_t requests,
                uint32_t bytes);

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_BENCH_CACHESIM_TRACES_H_
