#include "server/metrics/metrics_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "absl/strings/ascii.h"
#include "server/base/check.h"
#include "server/metrics/duration_buckets.h"

namespace latchkey {
namespace {

bool IsMetricName(std::string_view name) {
  return !name.empty() && !absl::ascii_isdigit(name.front()) &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return absl::ascii_isalnum(c) || c == '_';
         });
}

std::string_view TypeName(MetricType type) {
  switch (type) {
    case MetricType::kCounter:
      return "counter";
    case MetricType::kGauge:
      return "gauge";
    case MetricType::kHistogram:
      break;
  }
  return "histogram";
}

// Appends `text` as a label's value, or with `quoted` unset as a help.
void AppendEscaped(std::string_view text, bool quoted, std::string* out) {
  for (const char c : text) {
    if (c == '\n') {
      *out += "\\n";
    } else if (c == '\\' || (c == '"' && quoted)) {
      *out += {'\\', c};
    } else {
      *out += c;
    }
  }
}

// The shortest text that is read back as `value`.
std::string ToText(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Inf" : "+Inf";
  char text[32];
  const auto result = std::to_chars(text, text + sizeof(text), value);
  return std::string(text, result.ptr);
}

double ToSeconds(Nanos nanos) {
  return static_cast<double>(nanos) / static_cast<double>(kNanosPerSecond);
}

}  // namespace

void MetricsText::Family(std::string_view name, MetricType type,
                         std::string_view help) {
  LATCHKEY_CHECK(IsMetricName(name), "a metric's name can be read");
  LATCHKEY_CHECK(name.ends_with("_total") == (type == MetricType::kCounter),
                 "what counts is called a total");
  family_ = name;
  type_ = type;
  LATCHKEY_CHECK(families_.insert(family_).second, "a family comes once");
  text_ += "# HELP ";
  text_ += name;
  text_ += ' ';
  AppendEscaped(help, /*quoted=*/false, &text_);
  text_ += "\n# TYPE ";
  text_ += name;
  text_ += ' ';
  text_ += TypeName(type);
  text_ += '\n';
}

void MetricsText::Sample(MetricLabels labels, double value) {
  SampleText(labels, ToText(value));
}

void MetricsText::SampleSeconds(MetricLabels labels, Nanos value) {
  Sample(labels, ToSeconds(value));
}

void MetricsText::SampleText(MetricLabels labels, std::string_view value) {
  LATCHKEY_CHECK(!family_.empty() && type_ != MetricType::kHistogram,
                 "a sample is of a family of single values");
  Line("", labels, "", value);
}

void MetricsText::Durations(MetricLabels labels,
                            std::span<const uint64_t> counts, Nanos sum) {
  LATCHKEY_CHECK(type_ == MetricType::kHistogram, "a histogram was begun");
  LATCHKEY_CHECK(counts.size() == kDurationBuckets, "each bucket has a count");
  uint64_t count = 0;
  for (size_t i = 0; i < kDurationBuckets; ++i) {
    count += counts[i];
    Line("_bucket", labels,
         i < kDurationBounds.size() ? ToText(ToSeconds(kDurationBounds[i]))
                                    : "+Inf",
         std::to_string(count));
  }
  Line("_sum", labels, "", ToText(ToSeconds(sum)));
  Line("_count", labels, "", std::to_string(count));
}

void MetricsText::Line(std::string_view suffix, MetricLabels labels,
                       std::string_view bound, std::string_view value) {
  text_ += family_;
  text_ += suffix;
  char before = '{';
  const auto append = [&](std::string_view name, std::string_view label) {
    text_ += before;
    text_ += name;
    text_ += "=\"";
    AppendEscaped(label, /*quoted=*/true, &text_);
    text_ += '"';
    before = ',';
  };
  for (const auto& [name, label] : labels) append(name, label);
  if (!bound.empty()) append("le", bound);
  text_ += before == '{' ? " " : "} ";
  text_ += value;
  text_ += '\n';
}

}  // namespace latchkey
