#include "client/verify/placement.h"

#include <algorithm>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "client/verify/model.h"
#include "client/verify/violations.h"

namespace latchkey::verify {
namespace {

// How far one misfit is looked for.
constexpr int kNamingStepsMax = 10'000;

// More would be cut anyhow.
constexpr size_t kKeysShownMax = 8;

}  // namespace

Placement::Finding Placement::Find(const LogicalOperation& operation,
                                   Place floor) {
  const HistoryEvent& event = *operation.event;
  messages_.Parse(event);
  const Window window = WindowOf(operation, floor);
  if (event.method != Method::kBatchGet || event.outcome != EventOutcome::kOk) {
    return FindObservation(event, window);
  }
  const auto& request = messages_.Get<v1::BatchGetRequest>();
  if (request.keys_size() !=
      messages_.Get<v1::BatchGetResponse>().results_size()) {
    return {.place = {}, .sort = sort::kBadAnswer, .state = ""};
  }
  return request.atomic() ? FindAtomicRead(window) : FindReads(window);
}

Placement::Window Placement::WindowOf(const LogicalOperation& operation,
                                      Place floor) const {
  Place last = floor;
  while (last < timeline_.last() && order_.starts[last + 1] <= operation.end) {
    ++last;
  }
  return {floor, last};
}

template <typename Predicate>
std::optional<Place> Placement::FirstFit(const Keys& keys, Window window,
                                         Predicate fits) const {
  Place place = window.first;
  while (!fits(place)) {
    std::optional<Place> next;
    for (const std::string_view key : keys) {
      const std::optional<Place> change = timeline_.NextChange(key, place);
      if (change && (!next || *change < *next)) next = change;
    }
    if (!next || *next > window.last) return std::nullopt;
    place = *next;
  }
  return place;
}

template <typename Predicate>
std::string_view Placement::NameMisfit(const Keys& keys, Window window,
                                       Predicate fits) {
  const int steps = std::min(kNamingStepsMax, naming_steps_left_);
  naming_steps_left_ -= steps;
  Place place = window.first;
  for (int i = 0; i < steps; ++i) {
    Place change = 0;
    for (const std::string_view key : keys) {
      change = std::max(change, timeline_.LastChange(key, place));
    }
    if (change == 0) {
      // The whole past is looked through: less than was set aside.
      naming_steps_left_ += steps - i;
      break;
    }
    place = change - 1;
    if (fits(place)) return sort::kStaleRead;
  }
  const Place last = std::min<Place>(timeline_.last(),
                                     window.last + static_cast<Place>(steps));
  return FirstFit(keys, {window.last, last}, fits) ? sort::kFutureRead
                                                   : sort::kWrongRead;
}

Placement::Finding Placement::FindObservation(const HistoryEvent& event,
                                              Window window) {
  Keys keys;
  VisitMethod(event.method, [&]<typename Types>(Types) {
    AppendKeys(messages_.Get<typename Types::Request>(), &keys);
  });
  const auto fits = [&](Place place) { return AnswerFits(event, place); };
  const std::optional<Place> place = FirstFit(keys, window, fits);
  if (place) return {.place = place, .sort = {}, .state = ""};
  return {.place = {},
          .sort = NameMisfit(keys, window, fits),
          .state = StateText(keys, window.first)};
}

bool Placement::AnswerFits(const HistoryEvent& event, Place place) {
  const StateAt state(timeline_, place);
  ModelChanges changes(state);
  return VisitMethod(event.method, [&]<typename Types>(Types) {
    if constexpr (std::is_same_v<typename Types::Request,
                                 v1::GetOutcomeRequest>) {
      return true;
    } else {
      auto& expected = expected_.Get<typename Types::Response>();
      expected.Clear();
      const Refusal refusal = Execute(messages_.Get<typename Types::Request>(),
                                      0, &changes, &expected);
      if (event.outcome != EventOutcome::kOk) {
        return refusal && Fits(*refusal, *event.error);
      }
      if (refusal || !changes.all().empty()) return false;
      auto& actual = messages_.Get<typename Types::Response>();
      ForgetTimes(&actual);
      actual.SerializeToString(&actual_bytes_);
      expected.SerializeToString(&expected_bytes_);
      return actual_bytes_ == expected_bytes_;
    }
  });
}

bool Placement::ResultFits(int index, Place place) const {
  const std::string& key = messages_.Get<v1::BatchGetRequest>().keys(index);
  const v1::GetResponse& result =
      messages_.Get<v1::BatchGetResponse>().results(index);
  const ModelEntry* const entry = timeline_.Find(key, place);
  if (entry == nullptr || result.not_modified()) {
    return !result.has_entry() && !result.not_modified();
  }
  const v1::Entry& shown = result.entry();
  return result.has_entry() && shown.key() == key &&
         shown.value() == entry->value && shown.version() == entry->version &&
         shown.flags() == entry->flags &&
         shown.has_expire_time() == entry->expires;
}

bool Placement::ResultsFit(Place place) const {
  const int size = messages_.Get<v1::BatchGetRequest>().keys_size();
  for (int i = 0; i < size; ++i) {
    if (!ResultFits(i, place)) return false;
  }
  return true;
}

bool Placement::EachResultFits(Window window) const {
  const auto& request = messages_.Get<v1::BatchGetRequest>();
  for (int i = 0; i < request.keys_size(); ++i) {
    const auto fits = [&](Place place) { return ResultFits(i, place); };
    if (!FirstFit({request.keys(i)}, window, fits)) return false;
  }
  return true;
}

Placement::Finding Placement::FindReads(Window window) {
  const auto& request = messages_.Get<v1::BatchGetRequest>();
  std::optional<Place> latest;
  for (int i = 0; i < request.keys_size(); ++i) {
    const Keys keys = {request.keys(i)};
    const auto fits = [&](Place place) { return ResultFits(i, place); };
    const std::optional<Place> place = FirstFit(keys, window, fits);
    if (!place) {
      return {.place = {},
              .sort = NameMisfit(keys, window, fits),
              .state = StateText(keys, window.first)};
    }
    latest = std::max(latest, place);
  }
  return {.place = latest.value_or(window.first), .sort = {}, .state = ""};
}

Placement::Finding Placement::FindAtomicRead(Window window) {
  const auto& versions = order_.versions;
  const uint64_t snapshot =
      messages_.Get<v1::BatchGetResponse>().snapshot_version();
  const auto after =
      std::upper_bound(versions.begin() + 1, versions.end(), snapshot);
  const auto place = static_cast<Place>(after - versions.begin() - 1);
  Keys keys;
  AppendKeys(messages_.Get<v1::BatchGetRequest>(), &keys);
  const auto fits = [this](Place at) { return ResultsFit(at); };

  Finding finding = {.place = {}, .sort = {}, .state = ""};
  if (fits(place)) {
    if (place >= window.first && place <= window.last) {
      finding.place = place;
      return finding;
    }
    finding.sort = place < window.first ? sort::kStaleRead : sort::kFutureRead;
  } else if (FirstFit(keys, window, fits)) {
    // All of one moment, but not of the one that it names.
    finding.sort = sort::kWrongRead;
  } else if (EachResultFits(window)) {
    finding.sort = sort::kTornRead;
  } else {
    finding.sort = NameMisfit(keys, window, fits);
  }
  finding.state = StateText(keys, place);
  return finding;
}

std::string Placement::StateText(const Keys& keys, Place place) const {
  std::string text =
      absl::StrCat("after version ", order_.versions[place], ":");
  for (size_t i = 0; i < keys.size() && i < kKeysShownMax; ++i) {
    const ModelEntry* const entry = timeline_.Find(keys[i], place);
    absl::StrAppend(&text, " ", std::string(keys[i]));
    if (entry == nullptr) {
      absl::StrAppend(&text, " missing");
    } else {
      absl::StrAppend(&text, "=", entry->value, " of ", entry->version);
    }
  }
  return text;
}

}  // namespace latchkey::verify
