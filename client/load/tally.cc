#include "client/load/tally.h"

#include <algorithm>

namespace latchkey::load {
namespace {

void Count(std::string_view detail, Sample* sample) {
  if (sample->count++ == 0) sample->first = detail;
}

template <typename Key>
void MergeSamples(const std::map<Key, Sample>& from,
                  std::map<Key, Sample>* into) {
  for (const auto& [key, sample] : from) {
    Sample& sum = (*into)[key];
    if (sum.count == 0) sum.first = sample.first;
    sum.count += sample.count;
  }
}

}  // namespace

std::string_view OperationKindName(OperationKind kind) {
  switch (kind) {
    case OperationKind::kGet:
      return "get";
    case OperationKind::kPut:
      return "put";
    case OperationKind::kReadModifyWrite:
      return "read-modify-write";
    case OperationKind::kTransfer:
      return "transfer";
    case OperationKind::kAtomicRead:
      return "atomic-read";
    case OperationKind::kPreload:
      return "preload";
    case OperationKind::kAudit:
      return "audit";
    case OperationKind::kVerifiedRead:
      return "read";
    case OperationKind::kVerifiedWrite:
      return "write";
  }
  return "unknown";
}

void Tally::CountError(const client::CallError& error) {
  ++error_count;
  Count(error.message, &errors[{error.code_name, error.reason}]);
}

void Tally::CountFailure(std::string_view sort, std::string_view detail) {
  ++failure_count;
  Count(detail, &failures[std::string(sort)]);
}

void Tally::Merge(const Tally& other) {
  calls += other.calls;
  for (size_t i = 0; i < kOperationKinds; ++i) {
    if (other.latency[i].count() > 0) latency[i].Merge(other.latency[i]);
  }
  MergeSamples(other.errors, &errors);
  error_count += other.error_count;
  unanswered += other.unanswered;
  not_sent += other.not_sent;
  in_time += other.in_time;
  in_time_by_interval.resize(
      std::max(in_time_by_interval.size(), other.in_time_by_interval.size()));
  for (size_t i = 0; i < other.in_time_by_interval.size(); ++i) {
    in_time_by_interval[i] += other.in_time_by_interval[i];
  }
  refusals.Merge(other.refusals);
  cancelled += other.cancelled;
  misses += other.misses;
  conflicts += other.conflicts;
  refused_transfers += other.refused_transfers;
  values_verified += other.values_verified;
  MergeSamples(other.failures, &failures);
  failure_count += other.failure_count;
}

Histogram Tally::AllLatencies() const {
  Histogram all;
  for (const Histogram& histogram : latency) all.Merge(histogram);
  return all;
}

bool IsAnswered(const client::CallError& error) {
  if (!error.reason.empty()) return true;
  return error.code != grpc::StatusCode::UNAVAILABLE &&
         error.code != grpc::StatusCode::DEADLINE_EXCEEDED &&
         error.code != grpc::StatusCode::CANCELLED;
}

}  // namespace latchkey::load
