// KeyEffects says what one event did to each of its keys, without the others:
// what HistoryFile writes.
//
// Thread safety: an instance belongs to one thread.

#ifndef LATCHKEY_CLIENT_VERIFY_KEY_EFFECTS_H_
#define LATCHKEY_CLIENT_VERIFY_KEY_EFFECTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/verify/history.h"
#include "client/verify/messages.h"

namespace latchkey::verify {

// A value that a key has; nothing: it is missing.
using KeyValue = std::optional<std::string>;

// One line of history_file.h, which tells what the fields mean; a field without
// a value says nothing.
struct KeyEffect {
  std::string key;
  std::optional<bool> exists;
  std::optional<KeyValue> read;
  std::optional<KeyValue> write;
  std::optional<int64_t> add;
  std::optional<int64_t> initial;
  std::optional<std::string> result;
  // It was written, and nothing tells with what.
  bool opaque = false;

  bool HasEffect() const { return write || add || opaque; }
  bool operator==(const KeyEffect&) const = default;
};

// What `event` says of each of its keys, each key once, but that one whose
// outcome is unknown may name a key twice, for what it does in either of two
// cases.  `messages` are those of `event`.
std::vector<KeyEffect> FindKeyEffects(const HistoryEvent& event,
                                      EventMessages* messages);

}  // namespace latchkey::verify

#endif  // LATCHKEY_CLIENT_VERIFY_KEY_EFFECTS_H_
