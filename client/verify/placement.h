// Placement finds where in the order of commits an answer can be so that is no
// commit itself: a read, a miss, a refusal.
//
// An answer has a window, the places that its times allow: not before anything
// that had ended when it began (its floor), and not behind a commit that began
// after it had ended.  Of the places in the window at which the model gives the
// answer, the first is taken.
//
// Thread safety: an instance belongs to one thread.

#ifndef LATCHKEY_CLIENT_VERIFY_PLACEMENT_H_
#define LATCHKEY_CLIENT_VERIFY_PLACEMENT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/verify/messages.h"
#include "client/verify/request_keys.h"
#include "client/verify/round.h"
#include "client/verify/timeline.h"

namespace latchkey::verify {

// The commits of a round, by their places; place 0 stands for all before them.
struct CommitOrder {
  std::vector<uint64_t> versions;
  std::vector<int64_t> starts;
};

class Placement {
 public:
  // Both outlive this object and are complete when Find() is called.
  Placement(const Timeline& timeline, const CommitOrder& order)
      : timeline_(timeline), order_(order) {}

  struct Finding {
    // Nothing where there is none.
    std::optional<Place> place;
    // What is wrong then: a sort of violations.h.
    std::string_view sort;
    // And what the keys of the request were, as text for people.
    std::string state;
  };

  // The place of an answer that is a message of its type.
  Finding Find(const LogicalOperation& operation, Place floor);

  // As `after version 17: k1=v of 12 k2 missing`.
  std::string StateText(const Keys& keys, Place place) const;

 private:
  struct Window {
    Place first;
    Place last;
  };

  Finding FindObservation(const HistoryEvent& event, Window window);
  // Each key by itself.
  Finding FindReads(Window window);
  Finding FindAtomicRead(Window window);

  Window WindowOf(const LogicalOperation& operation, Place floor) const;
  // The first place in `window` where `fits(place)`; looks only at places where
  // one of `keys` changes.
  template <typename Predicate>
  std::optional<Place> FirstFit(const Keys& keys, Window window,
                                Predicate fits) const;
  // What is wrong with an answer that fits nowhere in its window.
  template <typename Predicate>
  std::string_view NameMisfit(const Keys& keys, Window window, Predicate fits);

  // Whether the answer that messages_ holds is so at `place`.
  bool AnswerFits(const HistoryEvent& event, Place place);
  // Of a BatchGet: one result, all of them, each by itself.
  bool ResultFits(int index, Place place) const;
  bool ResultsFit(Place place) const;
  bool EachResultFits(Window window) const;

  const Timeline& timeline_;
  const CommitOrder& order_;

  // How many more places are looked at to give a misfit its name: a history
  // that is wrong everywhere would take forever.
  int naming_steps_left_ = 1'000'000;

  // Used again and again.
  EventMessages messages_;
  EventMessages expected_;
  std::string actual_bytes_;
  std::string expected_bytes_;
};

}  // namespace latchkey::verify

#endif  // LATCHKEY_CLIENT_VERIFY_PLACEMENT_H_
