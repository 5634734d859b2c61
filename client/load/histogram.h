// Histogram counts durations so that every percentile is exact to 3 significant
// digits, in a fixed space and with a few instructions per value.
//
// Layout (after Gil Tene's HdrHistogram): values up to 2,047 have a counter
// each.  Above, each power of two is split evenly into 1,024 counters:
//
//   values                counters of width   index of value v
//   0 .. 2,047            1                   v
//   2,048 .. 4,095        2                   1,024 + (v >> 1)
//   4,096 .. 8,191        4                   2,048 + (v >> 2)
//   2^(10+s) .. 2^(11+s)-1   2^s              1,024 s + (v >> s)
//
// so a counter is never wider than 1/1,024 of the values in it.  A value above
// kValueMax counts as kValueMax in the percentiles; count, mean, min and max
// are exact always.
//
// Thread safety: an instance belongs to one thread; Merge() brings those of
// several together.

#ifndef LATCHKEY_CLIENT_LOAD_HISTOGRAM_H_
#define LATCHKEY_CLIENT_LOAD_HISTOGRAM_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace latchkey::load {

class Histogram {
 public:
  // 18 minutes in nanoseconds: more than any call may take.
  static constexpr int64_t kValueMax = (int64_t{1} << 40) - 1;

  Histogram();

  // Counts one value; a negative one counts as 0.
  void Record(int64_t value);

  // Adds all values of `other`.
  void Merge(const Histogram& other);

  uint64_t count() const { return count_; }

  // Each is 0 while nothing was recorded.
  int64_t min() const { return count_ == 0 ? 0 : min_; }
  int64_t max() const { return max_; }
  double Mean() const;

  // The least v for which at least `percent` of the values are <= v, up to the
  // width of a counter and never above max().  REQUIRES: 0 <= percent <= 100.
  int64_t Percentile(double percent) const;

 private:
  static size_t IndexOf(int64_t value);
  // The greatest value that `index` counts.
  static int64_t HighestOf(size_t index);

  std::vector<uint64_t> counts_;
  uint64_t count_ = 0;
  double sum_ = 0;
  int64_t min_ = INT64_MAX;
  int64_t max_ = 0;
};

}  // namespace latchkey::load

#endif  // LATCHKEY_CLIENT_LOAD_HISTOGRAM_H_
