// MetricsText writes metrics in the Prometheus text format, version 0.0.4.
//
// Why by hand: the packaged prometheus-cpp writes a family's help unescaped and
// passes every count through a double, and brings an HTTP server and a client
// into the build; the format is a few lines.
//
// Thread safety: belongs to one thread.
//
// Example:
//   MetricsText text;
//   text.Family("latchkey_db_keys", MetricType::kGauge, "Entries held.");
//   text.Sample({}, 17);
//   text.Family("latchkey_errors_total", MetricType::kCounter, "Errors.");
//   text.Sample({{"err", "KEY_EXISTS"}}, 2);

#ifndef LATCHKEY_SERVER_METRICS_METRICS_TEXT_H_
#define LATCHKEY_SERVER_METRICS_METRICS_TEXT_H_

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "server/base/clock.h"

namespace latchkey {

enum class MetricType { kCounter, kGauge, kHistogram };

// Pairs of a name and a value; the value may be any text in UTF-8.
using MetricLabels =
    std::initializer_list<std::pair<std::string_view, std::string_view>>;

class MetricsText {
 public:
  // How an HTTP answer calls this format.
  static constexpr char kContentType[] =
      "text/plain; version=0.0.4; charset=utf-8";

  // Begins a family; what follows are its samples.  `help` ends without a full
  // stop or with one, as it likes.
  //
  // REQUIRES: no family had this `name`, which is of letters, digits and
  // underscores, and ends in _total exactly if the family counts.
  void Family(std::string_view name, MetricType type, std::string_view help);

  // REQUIRES: a family was begun, and it is no histogram.
  void Sample(MetricLabels labels, std::integral auto value) {
    SampleText(labels, std::to_string(value));
  }
  void Sample(MetricLabels labels, double value);

  // Nanoseconds, as seconds.
  void SampleSeconds(MetricLabels labels, Nanos value);

  // A histogram of durations: `counts` of kDurationBuckets, not cumulated, and
  // the sum of all durations.
  //
  // REQUIRES: a histogram was begun.
  void Durations(MetricLabels labels, std::span<const uint64_t> counts,
                 Nanos sum);

  const std::string& text() const { return text_; }

 private:
  void SampleText(MetricLabels labels, std::string_view value);

  // One line; `bound` is the label `le`, or empty.
  void Line(std::string_view suffix, MetricLabels labels,
            std::string_view bound, std::string_view value);

  std::string text_;
  std::string family_;
  MetricType type_ = MetricType::kGauge;
  absl::flat_hash_set<std::string> families_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_METRICS_METRICS_TEXT_H_
