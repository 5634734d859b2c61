#include "client/cli/stats_text.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/message_format.h"

namespace latchkey::client {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// A name and what is shown beside it.
using Row = std::pair<std::string, std::string>;

// "1.50 MiB"; nothing below 1 KiB, where the number itself is short.
std::string InLargerUnits(uint64_t bytes) {
  constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double amount = static_cast<double>(bytes) / 1024;
  if (amount < 1) return "";
  size_t unit = 0;
  while (amount >= 1024 && unit + 1 < std::size(kUnits)) {
    amount /= 1024;
    ++unit;
  }
  return absl::StrFormat("%.2f %s", amount, kUnits[unit]);
}

// The fields of a section, as MessageToLines() writes them.
std::vector<Row> RowsOf(const Message& section) {
  std::vector<Row> rows;
  const std::string lines = MessageToLines(section);
  for (size_t begin = 0; begin < lines.size();) {
    const size_t end = lines.find('\n', begin);
    const size_t equals = lines.find('=', begin);
    std::string name = lines.substr(begin, equals - begin);
    std::string value = lines.substr(equals + 1, end - equals - 1);
    if (name.ends_with("_bytes")) {
      const std::string larger =
          InLargerUnits(std::strtoull(value.c_str(), nullptr, 10));
      if (!larger.empty()) absl::StrAppend(&value, "  (", larger, ")");
    }
    rows.emplace_back(std::move(name), std::move(value));
    begin = end + 1;
  }
  return rows;
}

Row HitRatio(const v1::KeyStats& stats) {
  const uint64_t reads = stats.hits() + stats.misses();
  return {"hit_ratio",
          reads == 0 ? "-"
                     : absl::StrFormat("%.2f %%",
                                       100 * static_cast<double>(stats.hits()) /
                                           static_cast<double>(reads))};
}

void AppendSection(const std::string& name, const std::vector<Row>& rows,
                   std::string& text) {
  size_t width = 0;
  for (const auto& [label, value] : rows) width = std::max(width, label.size());
  absl::StrAppend(&text, text.empty() ? "" : "\n", name, "\n");
  for (const auto& [label, value] : rows) {
    absl::StrAppendFormat(&text, "  %-*s  %s\n", static_cast<int>(width), label,
                          value);
  }
}

}  // namespace

std::string StatsToText(const v1::GetStatsResponse& stats) {
  std::string text;
  for (int i = 0; i < stats.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* const field = stats.GetDescriptor()->field(i);
    std::vector<Row> rows =
        RowsOf(stats.GetReflection()->GetMessage(stats, field));
    if (field->number() == v1::GetStatsResponse::kKeysFieldNumber) {
      const auto misses =
          std::find_if(rows.begin(), rows.end(),
                       [](const Row& row) { return row.first == "misses"; });
      rows.insert(misses + 1, HitRatio(stats.keys()));
    }
    AppendSection(field->name(), rows, text);
  }
  return text;
}

}  // namespace latchkey::client
