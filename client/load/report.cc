#include "client/load/report.h"

#include <algorithm>
#include <string_view>

#include "client/load/text_format.h"

namespace latchkey::load {
namespace {

constexpr size_t kLabelColumns = 18;
constexpr size_t kNumberColumns = 11;

std::string PadRight(std::string_view text, size_t columns) {
  std::string padded(text);
  padded.resize(std::max(padded.size() + 1, columns), ' ');
  return padded;
}

std::string PadLeft(std::string_view text, size_t columns) {
  const size_t gap = columns > text.size() ? columns - text.size() : 1;
  return std::string(gap, ' ') + std::string(text);
}

std::string Line(std::string_view label, std::string_view text) {
  return PadRight(label, kLabelColumns) + std::string(text) + "\n";
}

double Seconds(Nanos duration) {
  return static_cast<double>(duration) / kNanosPerSecond;
}

std::string FormatData(const Options& o) {
  if (o.verify) {
    return "values of " + FormatSizeRange(o.value_bytes) + " B, under " +
           o.key_prefix + "/" + o.run_id + "/";
  }
  std::string keys = o.transfers() ? WithThousands(o.accounts) + " accounts of "
                                   : WithThousands(o.keys) + " keys of ";
  keys += std::to_string(o.key_bytes) + " B, " +
          std::string(DistributionName(o.distribution));
  if (o.distribution == Distribution::kZipfian) {
    keys += " " + Fixed(o.zipf_theta, 2);
  }
  if (!o.transfers()) {
    keys += ", values of " + FormatSizeRange(o.value_bytes) + " B";
  }
  if (o.ttl > 0) keys += ", ttl " + FormatDuration(o.ttl);
  return keys;
}

std::string FormatHead(const RunResult& result) {
  const Options& o = result.options;
  std::string loop = std::to_string(o.connections) + " connections x " +
                     std::to_string(o.in_flight) + " in flight, " +
                     std::to_string(o.threads) + " thread" +
                     (o.threads == 1 ? "" : "s") + ", ";
  loop += o.open_loop() ? "open loop at " + Fixed(o.rate, 0) + " requests/s"
                        : "closed loop";
  return Line("mix",
              (o.verify ? "verify" : o.mix.name) + " against " + o.address) +
         Line("loop", loop) +
         Line("data", FormatData(o) + ", seed " + std::to_string(o.seed)) +
         Line("measured", Fixed(Seconds(result.elapsed), 2) + " s after " +
                              FormatDuration(o.warm_up) + " of warm-up");
}

std::string FormatRow(std::string_view label, const Histogram& latency,
                      Nanos elapsed) {
  std::string row = PadRight(label, kLabelColumns);
  row += PadLeft(WithThousands(latency.count()), kNumberColumns);
  row += PadLeft(
      WithThousands(static_cast<uint64_t>(
          elapsed > 0 ? static_cast<double>(latency.count()) / Seconds(elapsed)
                      : 0)),
      kNumberColumns);
  for (const NamedPercentile& percentile : kPercentiles) {
    row +=
        PadLeft(Micros(latency.Percentile(percentile.percent)), kNumberColumns);
  }
  row += PadLeft(Micros(latency.max()), kNumberColumns);
  row += PadLeft(Micros(static_cast<Nanos>(latency.Mean())), kNumberColumns);
  return row + "\n";
}

std::string FormatLatencies(const RunResult& result) {
  std::string table = PadRight("latency in us", kLabelColumns);
  table += PadLeft("operations", kNumberColumns);
  table += PadLeft("per second", kNumberColumns);
  for (const NamedPercentile& percentile : kPercentiles) {
    table += PadLeft(percentile.name, kNumberColumns);
  }
  table += PadLeft("max", kNumberColumns) + PadLeft("mean", kNumberColumns);
  table += "\n";

  int kinds = 0;
  std::string rows;
  for (size_t i = 0; i < kOperationKinds; ++i) {
    const Histogram& latency = result.measured.latency[i];
    if (latency.count() == 0) continue;
    ++kinds;
    rows += FormatRow(OperationKindName(static_cast<OperationKind>(i)), latency,
                      result.elapsed);
  }
  if (kinds == 1) return table + rows;
  return table +
         FormatRow("all", result.measured.AllLatencies(), result.elapsed) +
         rows;
}

std::string FormatErrors(const Tally& measured) {
  std::string text = Line("errors", WithThousands(measured.error_count));
  for (const auto& [code_and_reason, sample] : measured.errors) {
    std::string name = code_and_reason.first;
    if (!code_and_reason.second.empty()) name += " " + code_and_reason.second;
    text += Line("", WithThousands(sample.count) + " x " + name +
                         ", the first: " + sample.first);
  }
  return text;
}

std::string FormatVerification(const RunResult& result) {
  std::string text =
      Line("verified", WithThousands(result.ValuesVerified()) + " values, " +
                           WithThousands(result.FailureCount()) + " failures");
  Tally all;
  for (const Tally* tally :
       {&result.preload, &result.warm_up, &result.measured, &result.audit}) {
    all.Merge(*tally);
  }
  for (const auto& [sort, sample] : all.failures) {
    text += Line("", WithThousands(sample.count) + " x " + sort +
                         ", the first: " + sample.first);
  }
  return text;
}

std::string FormatVerify(const VerifyResult& verify) {
  const verify::VerifierCounts& counts = verify.counts;
  std::string text = Line(
      "checked", WithThousands(counts.operations) + " operations in " +
                     WithThousands(counts.rounds) + " rounds, by " +
                     Fixed(Seconds(verify.check_cpu.total()), 2) + " s of CPU");
  text += Line("", WithThousands(counts.keyed_writes) + " keyed writes, " +
                       WithThousands(counts.commits) + " commits");
  text +=
      Line("", WithThousands(counts.retried) + " retried, " +
                   WithThousands(counts.hedged) + " hedged, " +
                   WithThousands(counts.replayed) + " replayed, " +
                   WithThousands(verify.settled) + " unknown outcomes settled");
  text += Line("violations", WithThousands(verify.violations.count()));
  for (const auto& [sort, found] : verify.violations.by_sort()) {
    text += Line("", WithThousands(found.count) + " x " + sort +
                         ", the first: " + found.details.front());
  }
  return text;
}

std::string FormatTotal(const RunResult& result) {
  if (!result.total) return Line("total", "could not be verified");
  std::string text = std::to_string(*result.total);
  if (*result.total == result.total_expected) {
    text += ", as at the start";
  } else {
    text += ", but " + std::to_string(result.total_expected) + " at the start";
  }
  text += result.balances_checked ? "; each balance checked"
                                  : "; balances not checked, since the outcome "
                                    "of some transfers is not known";
  return Line("total", text);
}

std::string FormatCpu(const CpuTime& cpu, uint64_t calls, Nanos elapsed) {
  std::string text;
  if (calls > 0) {
    const double per_call =
        static_cast<double>(cpu.total()) / static_cast<double>(calls);
    text = Fixed(per_call / kNanosPerMicro, 2) + " us per request, ";
  }
  if (elapsed > 0) {
    const double share =
        static_cast<double>(cpu.total()) / static_cast<double>(elapsed);
    text += Fixed(100 * share, 0) + " % of a core, ";
  }
  return text + Fixed(Seconds(cpu.user), 2) + " s user + " +
         Fixed(Seconds(cpu.system), 2) + " s system";
}

std::string FormatResources(const RunResult& result) {
  const uint64_t calls = result.measured.calls;
  std::string text =
      Line("client CPU", FormatCpu(result.client_cpu, calls, result.elapsed));
  if (result.options.server_pid == 0) return text;
  return text +
         Line("server CPU",
              result.server_cpu
                  ? FormatCpu(*result.server_cpu, calls, result.elapsed)
                  : "unknown: process " +
                        std::to_string(result.options.server_pid) + " ended");
}

}  // namespace

std::string EndingMessage(const RunResult& result) {
  switch (result.ending) {
    case Ending::kComplete:
      return "";
    case Ending::kInterrupted:
      return "interrupted; the report is on what was done until then";
    case Ending::kPreloadFailed:
      for (const auto& [code_and_reason, sample] : result.preload.errors) {
        return "cannot write the keys: " + code_and_reason.first + " " +
               code_and_reason.second + ": " + sample.first;
      }
      return "cannot write the keys: the answers are wrong";
    case Ending::kUnavailable:
      return "the server at " + result.options.address +
             " is unavailable: " + result.unavailable_message;
    case Ending::kRestarted:
      return "the server was started anew during the run and has lost its "
             "data: what it did cannot be judged";
  }
  return "";
}

namespace {

std::string FormatOpenLoop(const RunResult& result) {
  const Tally& measured = result.measured;
  std::string text =
      Line("not sent in time", WithThousands(measured.not_sent)) +
      Line("answered in time", WithThousands(measured.in_time) + ", within " +
                                   FormatDuration(result.options.timeout));
  if (measured.refusals.count() > 0) {
    text += Line("refused",
                 WithThousands(measured.refusals.count()) + ", p99 after " +
                     Micros(measured.refusals.Percentile(99)) + " us");
  }
  if (measured.cancelled > 0) {
    text += Line("cancelled", WithThousands(measured.cancelled));
  }
  return text;
}

}  // namespace

std::string FormatTable(const RunResult& result) {
  if (!result.measuring) {
    if (result.verify && !result.verify->violations.empty()) {
      return FormatVerify(*result.verify);
    }
    return result.FailureCount() > 0 ? FormatVerification(result) : "";
  }
  std::string text = FormatHead(result);
  const Tally& measured = result.measured;
  text += "\n" + FormatLatencies(result) + "\n";
  text += FormatErrors(measured);
  if (result.options.open_loop()) text += FormatOpenLoop(result);
  if (result.verify) {
    return text + FormatVerify(*result.verify) + FormatResources(result);
  }
  text += Line("misses", WithThousands(measured.misses));
  if (result.options.mix.write == WriteKind::kReadModifyWrite) {
    text += Line("conflicts", WithThousands(measured.conflicts));
  }
  if (result.options.transfers()) {
    text +=
        Line("refused transfers", WithThousands(measured.refused_transfers));
  }
  text += FormatVerification(result);
  if (result.options.transfers()) text += FormatTotal(result);
  return text + FormatResources(result);
}

}  // namespace latchkey::load
