// Mix says which operations a run consists of.
//
//   get           reads
//   put           writes of whole values
//   mixed:R/W     reads to writes as R to W, as mixed:90/10
//   ycsb-a        mixed:50/50
//   ycsb-b        mixed:95/5
//   ycsb-c        mixed:100/0
//   ycsb-f        reads and read-modify-writes, half and half
//   transfer      transfers between accounts, and atomic reads of them
//
// Source: Cooper et al. 2010, "Benchmarking cloud serving systems with YCSB".
//
// Thread safety: a plain value.

#ifndef LATCHKEY_CLIENT_LOAD_MIX_H_
#define LATCHKEY_CLIENT_LOAD_MIX_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace latchkey::load {

enum class WriteKind { kPut, kReadModifyWrite, kTransfer };

struct Mix {
  // As it was given.
  std::string name;
  // Reads to writes.  Their sum is at least 1 and at most 2 * kWeightMax.
  uint32_t read_weight = 1;
  uint32_t write_weight = 0;
  WriteKind write = WriteKind::kPut;
};

// A weight of a mix; enough for one write in a million reads.
inline constexpr uint32_t kWeightMax = 1'000'000;

// The mix of that name, or INVALID_ARGUMENT that lists what there is.
absl::StatusOr<Mix> ParseMix(std::string_view name);

}  // namespace latchkey::load

#endif  // LATCHKEY_CLIENT_LOAD_MIX_H_
