#include "tests/simulation/scan_check.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "server/base/error.h"
#include "server/runtime/deadline.h"
#include "server/service/encode.h"
#include "server/store/scanner.h"
#include "tests/simulation/draw.h"

namespace latchkey::simulation {
namespace {

constexpr uint64_t kScanStreams = uint64_t{5} << 40;

// In a thousand pages: the stream breaks behind it, and its page is lost.
constexpr uint64_t kBreaks = 50;
constexpr uint64_t kPageLost = 500;

// Now and then longer than a snapshot waits (30 s).
constexpr Nanos kBreakMin = 10 * kNanosPerMicro;
constexpr Nanos kBreakMax = 100 * kNanosPerSecond;

// In a thousand scans: it has a deadline.
constexpr uint64_t kDeadlines = 300;
constexpr Nanos kTimeMin = 10 * kNanosPerMicro;
constexpr Nanos kTimeMax = kNanosPerSecond;

constexpr Nanos kReadMin = 1;
constexpr Nanos kReadMax = 100 * kNanosPerMilli;

}  // namespace

ScanCheck::ScanCheck(uint64_t seed, uint32_t process, bool may_be_lost,
                     Scheduler& scheduler, const load::VerifyKeys& keys,
                     verify::Violations* violations)
    : process_(process),
      may_be_lost_(may_be_lost),
      scheduler_(scheduler),
      keys_(keys),
      violations_(*violations),
      random_(seed, kScanStreams + process) {}

void ScanCheck::Run(Life& life, verify::HistoryRecorder& recorder,
                    ExpiryCheck* expiry) {
  const bool snapshot = random_.Below(3) != 0;
  ++(snapshot ? counts_.snapshots : counts_.fuzzy);
  const UnixNanos start = scheduler_.now();
  Seen seen;
  Read(life, snapshot, &seen);
  if (!seen.whole) return;
  if (snapshot) {
    JudgeSnapshot(seen);
    expiry->JudgeSnapshot(seen.brief, seen.earliest, seen.latest);
  } else {
    JudgeFuzzy(seen);
  }
  Record(seen, snapshot, start, recorder);
}

void ScanCheck::Read(Life& life, bool snapshot, Seen* seen) {
  Scanner& scanner = life.store().scanner();
  const UnixNanos deadline =
      Draw(random_, kDeadlines)
          ? scheduler_.now() + DrawNanos(random_, kTimeMin, kTimeMax)
          : kNever;
  DeadlineSource source(deadline);
  ScanOptions options = {.snapshot = snapshot,
                         .page = {.entries_max = 1 + random_.Below(32)}};
  std::string token;
  absl::StatusOr<std::unique_ptr<Scan>> scan = absl::UnknownError("");
  const auto start = [&] {
    if (token.empty()) seen->earliest = scheduler_.now();
    options.resume_token = token;
    scan = scanner.Start(options);
    if (token.empty()) seen->latest = scheduler_.now();
  };
  start();
  while (scan.ok()) {
    const absl::StatusOr<ScanPage> page = (*scan)->Next(source.token());
    if (!page.ok()) {
      return JudgeError(page.status(), *seen, snapshot, deadline);
    }
    const bool breaks = Draw(random_, kBreaks);
    if (!breaks || !Draw(random_, kPageLost)) {
      Take(*page, seen);
      token = page->resume_token;
      if (seen->whole) return;
    } else {
      seen->end_lost = seen->end_lost || page->resume_token.empty();
    }
    if (breaks) {
      ++counts_.resumed;
      const UnixNanos broken = scheduler_.now();
      *scan = nullptr;
      scheduler_.WaitFor(DrawNanos(random_, kBreakMin, kBreakMax));
      start();
      seen->longest_break =
          std::max(seen->longest_break, scheduler_.now() - broken);
    } else if (random_.Below(4) == 0) {
      scheduler_.WaitFor(DrawNanos(random_, kReadMin, kReadMax));
    }
  }
  JudgeError(scan.status(), *seen, snapshot, deadline);
}

void ScanCheck::Take(const ScanPage& page, Seen* seen) {
  v1::ScanResponse response;
  Encode(page, /*keys_only=*/false, &response);
  seen->version = response.snapshot_version();
  seen->whole = response.resume_token().empty();
  for (v1::Entry& entry : *response.mutable_entries()) {
    std::string key = entry.key();
    if (!key.starts_with(kKeyPrefix)) {
      seen->brief.push_back(std::move(entry));
      continue;
    }
    const bool is_new =
        seen->entries.emplace(std::move(key), std::move(entry)).second;
    seen->twice = seen->twice || !is_new;
  }
}

void ScanCheck::JudgeError(const absl::Status& error, const Seen& seen,
                           bool snapshot, UnixNanos deadline) {
  const std::optional<ErrorDetails> details = GetErrorDetails(error);
  const auto reason =
      details.has_value() ? details->reason : ErrorReason::kUnspecified;
  if (reason == ErrorReason::kExpiredBeforeCommit &&
      deadline <= scheduler_.now()) {
    ++counts_.ended;
    return;
  }
  if (snapshot && reason == ErrorReason::kScanExpired &&
      (may_be_lost_ || seen.end_lost ||
       seen.longest_break >= SnapshotTable::kIdleMax)) {
    ++counts_.expired;
    return;
  }
  violations_.Add(sort::kWrongScan, std::string(error.message()));
}

void ScanCheck::JudgeSnapshot(const Seen& seen) {
  const auto& counts = keys_.counts();
  int64_t sum = 0;
  for (uint64_t i = 0; i < counts.all_accounts(); ++i) {
    const auto found = seen.entries.find(keys_.Account(i));
    if (found != seen.entries.end())
      sum += std::atoll(found->second.value().c_str());
  }
  const auto whole =
      static_cast<int64_t>(counts.accounts) * load::kVerifyBalance;
  if (sum != whole) {
    violations_.Add(sort::kTornSnapshot,
                    "snapshot " + std::to_string(seen.version) +
                        ": the accounts hold " + std::to_string(sum));
  }
  if (seen.twice) {
    violations_.Add(sort::kWrongScan, "a snapshot shows a key twice");
  }
}

// The first accounts are made with the sentinel and never removed.
void ScanCheck::JudgeFuzzy(const Seen& seen) {
  std::vector<std::string> always = {keys_.Sentinel()};
  for (uint64_t i = 0; i < keys_.counts().accounts; ++i) {
    always.push_back(keys_.Account(i));
  }
  for (const std::string& key : always) {
    if (!seen.entries.contains(key)) {
      violations_.Add(sort::kWrongScan, "a fuzzy scan does not show " + key);
    }
  }
}

void ScanCheck::Record(const Seen& seen, bool snapshot, UnixNanos start,
                       verify::HistoryRecorder& recorder) const {
  v1::BatchGetRequest request;
  v1::BatchGetResponse response;
  request.set_atomic(snapshot);
  if (snapshot) response.set_snapshot_version(seen.version);
  const auto add = [&](const std::string& key, const v1::Entry* entry) {
    request.add_keys(key);
    v1::GetResponse* const result = response.add_results();
    if (entry != nullptr) *result->mutable_entry() = *entry;
  };
  for (const auto& [key, entry] : seen.entries) add(key, &entry);
  if (snapshot) {
    for (const std::string& key : keys_.AllButLogs()) {
      if (!seen.entries.contains(key)) add(key, nullptr);
    }
  }
  const std::string request_bytes = request.SerializeAsString();
  const std::string response_bytes = response.SerializeAsString();
  recorder.Add({.process = process_,
                .method = verify::Method::kBatchGet,
                .start = start,
                .end = scheduler_.now(),
                .request = request_bytes,
                .response = response_bytes});
}

}  // namespace latchkey::simulation
