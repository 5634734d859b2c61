// FormatJson() of report.h.

#include <nlohmann/json.hpp>
#include <string_view>

#include "client/load/report.h"

namespace latchkey::load {
namespace {

using nlohmann::json;

json OptionsJson(const Options& o) {
  json options = {
      {"address", o.address},
      {"engine", o.engine},
      {"connections", o.connections},
      {"in_flight", o.in_flight},
      {"threads", o.threads},
      {"timeout_ns", o.timeout},
      {"loop", o.open_loop() ? "open" : "closed"},
      {"mix", o.verify ? "verify" : o.mix.name},
      {"keys", o.key_count()},
      {"key_bytes", o.key_bytes},
      {"key_prefix", o.key_prefix},
      {"distribution", DistributionName(o.distribution)},
      {"zipf_theta", o.zipf_theta},
      {"value_bytes_min", o.value_bytes.min},
      {"value_bytes_max", o.value_bytes.max},
      {"ttl_ns", o.ttl},
      {"seed", o.seed},
      {"warm_up_ns", o.warm_up},
      {"server_pid", o.server_pid},
      {"errors_max", o.errors_max ? json(*o.errors_max) : json(nullptr)},
  };
  if (o.open_loop()) {
    options["rate"] = o.rate;
    options["backlog_max"] = o.backlog_max;
  }
  if (o.retries > 0) options["retries"] = o.retries;
  if (o.cancel_ratio > 0) {
    options["cancel_ratio"] = o.cancel_ratio;
    options["cancel_after_ns"] = o.cancel_after;
  }
  if (o.hedge_delay) options["hedge_ns"] = *o.hedge_delay;
  options["verify"] = o.verify;
  if (o.verify) {
    options["verify_shared"] = o.verify_shared;
    options["run_id"] = o.run_id;
  }
  if (o.transfers()) options["initial_balance"] = o.initial_balance;
  if (o.requests > 0) {
    options["requests"] = o.requests;
  } else {
    options["duration_ns"] = o.duration;
  }
  return options;
}

json LatencyJson(const Histogram& latency, Nanos elapsed) {
  json object = {
      {"operations", latency.count()},
      {"operations_per_second",
       elapsed > 0 ? static_cast<double>(latency.count()) * kNanosPerSecond /
                         static_cast<double>(elapsed)
                   : 0.0},
      {"min_ns", latency.min()},
      {"max_ns", latency.max()},
      {"mean_ns", latency.Mean()},
  };
  for (const NamedPercentile& percentile : kPercentiles) {
    object[std::string(percentile.name) + "_ns"] =
        latency.Percentile(percentile.percent);
  }
  return object;
}

json LatenciesJson(const RunResult& result) {
  json object = {
      {"all", LatencyJson(result.measured.AllLatencies(), result.elapsed)}};
  for (size_t i = 0; i < kOperationKinds; ++i) {
    const Histogram& latency = result.measured.latency[i];
    if (latency.count() == 0) continue;
    object[std::string(OperationKindName(static_cast<OperationKind>(i)))] =
        LatencyJson(latency, result.elapsed);
  }
  return object;
}

json ErrorsJson(const Tally& tally) {
  json list = json::array();
  for (const auto& [code_and_reason, sample] : tally.errors) {
    list.push_back({{"code", code_and_reason.first},
                    {"reason", code_and_reason.second},
                    {"count", sample.count},
                    {"first_message", sample.first}});
  }
  return list;
}

json VerificationJson(const RunResult& result) {
  json sorts = json::array();
  Tally all;
  for (const Tally* tally :
       {&result.preload, &result.warm_up, &result.measured, &result.audit}) {
    all.Merge(*tally);
  }
  for (const auto& [sort, sample] : all.failures) {
    sorts.push_back(
        {{"failure", sort}, {"count", sample.count}, {"first", sample.first}});
  }
  json object = {{"values", result.ValuesVerified()},
                 {"failures", result.FailureCount()},
                 {"by_sort", sorts}};
  if (result.options.transfers()) {
    object["total"] = result.total ? json(*result.total) : json(nullptr);
    object["total_expected"] = result.total_expected;
    object["balances_checked"] = result.balances_checked;
  }
  return object;
}

json VerifyJson(const VerifyResult& verify) {
  const verify::VerifierCounts& counts = verify.counts;
  json sorts = json::array();
  for (const auto& [sort, found] : verify.violations.by_sort()) {
    sorts.push_back(
        {{"sort", sort}, {"count", found.count}, {"first", found.details}});
  }
  return {{"rounds", counts.rounds},
          {"operations", counts.operations},
          {"keyed_writes", counts.keyed_writes},
          {"commits", counts.commits},
          {"retried", counts.retried},
          {"hedged", counts.hedged},
          {"replayed", counts.replayed},
          {"unknown_settled", verify.settled},
          {"check_cpu_ns", verify.check_cpu.total()},
          {"violations", verify.violations.count()},
          {"by_sort", sorts}};
}

json CpuJson(const CpuTime& cpu, uint64_t calls) {
  json object = {{"user_ns", cpu.user}, {"system_ns", cpu.system}};
  if (calls > 0) {
    object["us_per_request"] = static_cast<double>(cpu.total()) /
                               kNanosPerMicro / static_cast<double>(calls);
  }
  return object;
}

std::string_view EndingName(Ending ending) {
  switch (ending) {
    case Ending::kComplete:
      return "complete";
    case Ending::kInterrupted:
      return "interrupted";
    case Ending::kPreloadFailed:
      return "preload failed";
    case Ending::kUnavailable:
      return "unavailable";
    case Ending::kRestarted:
      return "restarted";
  }
  return "";
}

}  // namespace

std::string FormatJson(const RunResult& result) {
  const Tally& measured = result.measured;
  json report = {
      {"version", LATCHKEY_VERSION},
      {"options", OptionsJson(result.options)},
      {"ending", EndingName(result.ending)},
      {"ending_message", EndingMessage(result)},
      {"exit_code", result.ExitCode()},
      {"preload_ns", result.preload_elapsed},
      {"measured", result.measuring},
      {"elapsed_ns", result.elapsed},
      {"requests", measured.calls},
      {"latency", LatenciesJson(result)},
      {"error_count", measured.error_count},
      {"errors", ErrorsJson(measured)},
      {"errors_in_warm_up", ErrorsJson(result.warm_up)},
      {"not_sent_in_time", measured.not_sent},
      {"in_time", measured.in_time},
      {"in_time_by_half_second", measured.in_time_by_interval},
      {"refusals", LatencyJson(measured.refusals, result.elapsed)},
      {"cancelled", measured.cancelled},
      {"misses", measured.misses},
      {"conflicts", measured.conflicts},
      {"refused_transfers", measured.refused_transfers},
      {"verification", VerificationJson(result)},
      {"client_cpu", CpuJson(result.client_cpu, measured.calls)},
  };
  if (result.verify) report["verify"] = VerifyJson(*result.verify);
  if (result.server_cpu) {
    report["server_cpu"] = CpuJson(*result.server_cpu, measured.calls);
  }
  // Error messages come from outside and may be no UTF-8.
  return report.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace latchkey::load
