// Timeline is the state of all keys at every place in the order of commits:
// place 0 is the state at the start, place n that after the n-th commit.
//
// Thread safety: the const methods from any thread while none of the others
// runs.
//
// Example:
//   Timeline timeline;
//   timeline.Commit(changes);                       // Place 1.
//   const ModelEntry* entry = timeline.Find("k", 0);  // As before.

#ifndef LATCHKEY_CLIENT_VERIFY_TIMELINE_H_
#define LATCHKEY_CLIENT_VERIFY_TIMELINE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "client/verify/model.h"

namespace latchkey::verify {

// A place in the order of commits.
using Place = uint32_t;

class Timeline {
 public:
  // Adds a commit behind all others.
  void Commit(const ModelChanges& changes);

  // The place of the last commit.
  Place last() const { return last_; }

  // The entry of `key` at `place`; null where it is missing.
  const ModelEntry* Find(std::string_view key, Place place) const;

  // The first place after `place` at which `key` changes, and the last one at
  // or before it (0 where there is none).
  std::optional<Place> NextChange(std::string_view key, Place place) const;
  Place LastChange(std::string_view key, Place place) const;

  // Forgets the past: the present becomes place 0.
  void Forget();

  // Keys that exist at the last place.
  size_t size() const;

 private:
  struct Change {
    Place place;
    std::optional<ModelEntry> entry;
  };
  // By place, each once.
  using Changes = std::vector<Change>;

  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view key) const {
      return std::hash<std::string_view>()(key);
    }
  };

  // Null where the key was never written.
  const Changes* ChangesOf(std::string_view key) const;
  // The first change after `place`.
  static Changes::const_iterator After(const Changes& changes, Place place);

  Place last_ = 0;
  std::unordered_map<std::string, Changes, Hash, std::equal_to<>> keys_;
};

// The state at one place.
class StateAt final : public ModelState {
 public:
  StateAt(const Timeline& timeline, Place place)
      : timeline_(timeline), place_(place) {}

  const ModelEntry* Find(std::string_view key) const override {
    return timeline_.Find(key, place_);
  }

 private:
  const Timeline& timeline_;
  const Place place_;
};

}  // namespace latchkey::verify

#endif  // LATCHKEY_CLIENT_VERIFY_TIMELINE_H_
