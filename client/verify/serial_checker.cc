#include "client/verify/serial_checker.h"

#include <algorithm>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/verify/event_text.h"
#include "client/verify/messages.h"
#include "client/verify/model.h"
#include "client/verify/placement.h"
#include "client/verify/request_keys.h"
#include "client/verify/round.h"
#include "client/verify/timeline.h"

namespace latchkey::verify {
namespace {

constexpr uint32_t kNone = UINT32_MAX;

// An operation on its way through the checker.
struct Judged {
  LogicalOperation operation;
  // Of a commit; else 0.
  uint64_t version = 0;
  // Of a commit; 0 where it has none, and is out.
  Place place = 0;
  // Where everything is that had ended when this one began, and which
  // operation said so.
  Place floor = 0;
  uint32_t floor_from = kNone;

  bool is_commit() const { return version != 0; }
};

// A start or an end.
struct Moment {
  int64_t time;
  bool is_end;
  uint32_t index;

  bool operator<(const Moment& other) const {
    if (time != other.time) return time < other.time;
    // Of two at one time nobody knows which came first.  What overlaps is bound
    // by less, so starts come before ends.
    if (is_end != other.is_end) return other.is_end;
    return index < other.index;
  }
};

}  // namespace

class SerialChecker::Impl {
 public:
  explicit Impl(const SerialCheckerOptions& options) : options_(options) {}

  void CheckRound(const Round& round, Violations* violations);

  uint64_t commits() const { return commits_; }
  uint64_t keys() const { return timeline_.size(); }

 private:
  // The steps of a round, in their order.
  void CheckRefusals(const std::vector<LogicalOperation>& refused);
  void Sort(const std::vector<LogicalOperation>& decided);
  void OrderCommits();
  void ReplayCommits();
  void PlaceAll();

  void NoteSnapshot();
  void CheckGaps();
  void ReplayCommit(const Judged& commit);
  // The place of an operation that has ended; nothing where it has none.
  std::optional<Place> FindPlace(const Judged& judged, Placement* placement);

  void Report(std::string_view sort, const Judged& judged,
              std::string_view why);

  const SerialCheckerOptions options_;

  // From round to round.
  Timeline timeline_;
  // Of the last commit; 0 where it is not known.
  uint64_t last_version_ = 0;
  uint64_t commits_ = 0;
  // Nothing can be said any more.
  bool lost_ = false;

  // Of the present round.
  Violations* violations_ = nullptr;
  std::vector<Judged> judged_;
  // Indexes of the commits in judged_, by place less 1.
  std::vector<uint32_t> commit_indexes_;
  CommitOrder order_;
  // What atomic reads say of the last commit before them.
  uint64_t first_snapshot_ = 0;
  uint64_t last_snapshot_ = 0;

  // Used again and again.
  EventMessages messages_;
  EventMessages expected_;
  std::string actual_bytes_;
  std::string expected_bytes_;
};

void SerialChecker::Impl::CheckRound(const Round& round,
                                     Violations* violations) {
  violations_ = violations;
  for (const LogicalOperation& unsettled : round.unsettled()) {
    Report(sort::kUnsettled, {.operation = unsettled}, "");
    lost_ = true;
  }
  CheckRefusals(round.refused());
  if (lost_) return;
  Sort(round.decided());
  OrderCommits();
  CheckGaps();
  ReplayCommits();
  PlaceAll();
  last_version_ = std::max(order_.versions.back(), last_snapshot_);
  timeline_.Forget();
}

void SerialChecker::Impl::CheckRefusals(
    const std::vector<LogicalOperation>& refused) {
  for (const LogicalOperation& operation : refused) {
    const EventError* const error = operation.event->error;
    if (error == nullptr || error->code == "INVALID_ARGUMENT" ||
        error->code == "UNIMPLEMENTED") {
      Report(sort::kBadAnswer, {.operation = operation}, "");
    }
  }
}

void SerialChecker::Impl::Sort(const std::vector<LogicalOperation>& decided) {
  judged_.clear();
  commit_indexes_.clear();
  first_snapshot_ = 0;
  last_snapshot_ = 0;
  for (const LogicalOperation& operation : decided) {
    const HistoryEvent& event = *operation.event;
    Judged judged = {.operation = operation};
    if (!messages_.Parse(event)) {
      Report(sort::kBadAnswer, judged, "");
      continue;
    }
    if (event.outcome == EventOutcome::kOk) {
      judged.version = VisitMethod(event.method, [&]<typename Types>(Types) {
        return CommitVersion(messages_.Get<typename Types::Response>());
      });
      if (event.method == Method::kBatchGet) NoteSnapshot();
    }
    if (judged.is_commit()) {
      commit_indexes_.push_back(static_cast<uint32_t>(judged_.size()));
    }
    judged_.push_back(judged);
  }
  std::sort(commit_indexes_.begin(), commit_indexes_.end(),
            [this](uint32_t a, uint32_t b) {
              return judged_[a].version < judged_[b].version;
            });
}

void SerialChecker::Impl::NoteSnapshot() {
  const uint64_t snapshot =
      messages_.Get<v1::BatchGetResponse>().snapshot_version();
  if (snapshot == 0) return;
  last_snapshot_ = std::max(last_snapshot_, snapshot);
  if (first_snapshot_ == 0 || snapshot < first_snapshot_) {
    first_snapshot_ = snapshot;
  }
}

void SerialChecker::Impl::OrderCommits() {
  order_.versions.assign(1, last_version_);
  order_.starts.assign(1, 0);
  std::vector<uint32_t> ordered;
  for (const uint32_t index : commit_indexes_) {
    Judged& commit = judged_[index];
    if (commit.version <= last_version_) {
      Report(sort::kRealTimeOrder, commit,
             absl::StrCat("version ", last_version_, " had been there before"));
    } else if (commit.version == order_.versions.back()) {
      Report(sort::kSharedVersion, commit,
             EventText(*judged_[ordered.back()].operation.event));
    } else {
      ordered.push_back(index);
      order_.versions.push_back(commit.version);
      order_.starts.push_back(commit.operation.start);
      commit.place = static_cast<Place>(ordered.size());
    }
  }
  commit_indexes_ = std::move(ordered);
  commits_ += commit_indexes_.size();
  // The reads before the first commit of all say what came before it.
  if (last_version_ == 0 && !commit_indexes_.empty() &&
      first_snapshot_ < order_.versions[1]) {
    order_.versions[0] = first_snapshot_;
  }
}

void SerialChecker::Impl::CheckGaps() {
  if (options_.shared) return;
  const std::vector<uint64_t>& versions = order_.versions;
  for (size_t place = 1; place < versions.size(); ++place) {
    const uint64_t before = versions[place - 1];
    if (before == 0 || versions[place] == before + 1) continue;
    Report(
        sort::kGap, judged_[commit_indexes_[place - 1]],
        absl::StrCat("before it ", versions[place] - before - 1,
                     " versions from ", before + 1, " that nobody here wrote"));
  }
  if (versions.back() != 0 && last_snapshot_ > versions.back()) {
    violations_->Add(
        sort::kGap,
        absl::StrCat("an atomic read saw version ", last_snapshot_,
                     ", but nobody here wrote any after ", versions.back()));
  }
}

void SerialChecker::Impl::ReplayCommits() {
  for (const uint32_t index : commit_indexes_) ReplayCommit(judged_[index]);
}

void SerialChecker::Impl::ReplayCommit(const Judged& commit) {
  const HistoryEvent& event = *commit.operation.event;
  messages_.Parse(event);
  const StateAt state(timeline_, timeline_.last());
  ModelChanges changes(state);
  VisitMethod(event.method, [&]<typename Types>(Types) {
    if constexpr (!std::is_same_v<typename Types::Request,
                                  v1::GetOutcomeRequest>) {
      const auto& request = messages_.Get<typename Types::Request>();
      auto& actual = messages_.Get<typename Types::Response>();
      auto& expected = expected_.Get<typename Types::Response>();
      expected.Clear();
      const Refusal refusal =
          Execute(request, commit.version, &changes, &expected);
      if (refusal) {
        changes.Undo();
        Keys keys;
        AppendKeys(request, &keys);
        Report(sort::kImpossibleCommit, commit,
               absl::StrCat("expected ", std::string(refusal->reason), " ",
                            Placement(timeline_, order_)
                                .StateText(keys, timeline_.last())));
        return;
      }
      ForgetTimes(&actual);
      actual.SerializeToString(&actual_bytes_);
      expected.SerializeToString(&expected_bytes_);
      if (actual_bytes_ != expected_bytes_) {
        Report(sort::kWrongCommit, commit,
               absl::StrCat("expected ", MessageText(expected)));
      }
    }
  });
  timeline_.Commit(changes);
}

void SerialChecker::Impl::PlaceAll() {
  std::vector<Moment> moments;
  moments.reserve(2 * judged_.size());
  for (uint32_t i = 0; i < judged_.size(); ++i) {
    if (judged_[i].is_commit() && judged_[i].place == 0) continue;
    moments.push_back({judged_[i].operation.start, false, i});
    moments.push_back({judged_[i].operation.end, true, i});
  }
  std::sort(moments.begin(), moments.end());
  Placement placement(timeline_, order_);
  Place floor = 0;
  uint32_t floor_from = kNone;
  for (const Moment& moment : moments) {
    Judged& judged = judged_[moment.index];
    if (!moment.is_end) {
      judged.floor = floor;
      judged.floor_from = floor_from;
      continue;
    }
    const std::optional<Place> place = FindPlace(judged, &placement);
    if (place && *place > floor) {
      floor = *place;
      floor_from = moment.index;
    }
  }
}

std::optional<Place> SerialChecker::Impl::FindPlace(const Judged& judged,
                                                    Placement* placement) {
  Placement::Finding finding;
  if (judged.is_commit()) {
    finding.place = judged.place;
    if (judged.place <= judged.floor) finding.sort = sort::kRealTimeOrder;
  } else {
    finding = placement->Find(judged.operation, judged.floor);
  }
  if (finding.sort.empty()) return finding.place;
  std::string why = std::move(finding.state);
  if (judged.floor_from != kNone && violations_->WantsDetail(finding.sort)) {
    absl::StrAppend(&why, why.empty() ? "" : "; ", "before it had ended ",
                    EventText(*judged_[judged.floor_from].operation.event));
  }
  Report(finding.sort, judged, why);
  return finding.place;
}

void SerialChecker::Impl::Report(std::string_view sort, const Judged& judged,
                                 std::string_view why) {
  std::string detail;
  if (violations_->WantsDetail(sort)) {
    detail = EventText(*judged.operation.event);
    if (!why.empty()) absl::StrAppend(&detail, "; ", std::string(why));
  }
  violations_->Add(sort, std::move(detail));
}

SerialChecker::SerialChecker(const SerialCheckerOptions& options)
    : impl_(std::make_unique<Impl>(options)) {}

SerialChecker::~SerialChecker() = default;

void SerialChecker::CheckRound(const Round& round, Violations* violations) {
  impl_->CheckRound(round, violations);
}

uint64_t SerialChecker::commits() const { return impl_->commits(); }

uint64_t SerialChecker::keys() const { return impl_->keys(); }

}  // namespace latchkey::verify
