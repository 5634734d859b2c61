#include "client/verify/timeline.h"

#include <algorithm>
#include <utility>

namespace latchkey::verify {

void Timeline::Commit(const ModelChanges& changes) {
  ++last_;
  for (const auto& [key, entry] : changes.all()) {
    auto found = keys_.find(key);
    if (found == keys_.end()) {
      found = keys_.emplace(std::string(key), Changes()).first;
    }
    found->second.push_back({last_, entry});
  }
}

const Timeline::Changes* Timeline::ChangesOf(std::string_view key) const {
  const auto found = keys_.find(key);
  return found == keys_.end() ? nullptr : &found->second;
}

Timeline::Changes::const_iterator Timeline::After(const Changes& changes,
                                                  Place place) {
  // Most look at the present.
  if (changes.back().place <= place) return changes.end();
  return std::upper_bound(
      changes.begin(), changes.end(), place,
      [](Place at, const Change& change) { return at < change.place; });
}

const ModelEntry* Timeline::Find(std::string_view key, Place place) const {
  const Changes* const changes = ChangesOf(key);
  if (changes == nullptr) return nullptr;
  const auto after = After(*changes, place);
  if (after == changes->begin()) return nullptr;
  const std::optional<ModelEntry>& entry = std::prev(after)->entry;
  return entry ? &*entry : nullptr;
}

std::optional<Place> Timeline::NextChange(std::string_view key,
                                          Place place) const {
  const Changes* const changes = ChangesOf(key);
  if (changes == nullptr) return std::nullopt;
  const auto after = After(*changes, place);
  if (after == changes->end()) return std::nullopt;
  return after->place;
}

Place Timeline::LastChange(std::string_view key, Place place) const {
  const Changes* const changes = ChangesOf(key);
  if (changes == nullptr) return 0;
  const auto after = After(*changes, place);
  return after == changes->begin() ? 0 : std::prev(after)->place;
}

void Timeline::Forget() {
  for (auto it = keys_.begin(); it != keys_.end();) {
    Changes& changes = it->second;
    if (!changes.back().entry) {
      it = keys_.erase(it);
      continue;
    }
    Changes present;
    present.push_back({0, std::move(changes.back().entry)});
    changes = std::move(present);
    ++it;
  }
  last_ = 0;
}

size_t Timeline::size() const {
  return static_cast<size_t>(std::count_if(
      keys_.begin(), keys_.end(),
      [](const auto& key) { return key.second.back().entry.has_value(); }));
}

}  // namespace latchkey::verify
