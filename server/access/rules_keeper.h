// RulesKeeper holds the AccessRules of a file, which it reads again when it is
// told to: what is asked from then on is judged by the new ones.
//
// Who asks takes no lock, unless there are rules that his thread has not seen:
// each thread keeps a reference to those that it saw last.  So old rules go
// when every thread has asked for newer ones, or has ended.
//
// Thread safety: Reload() belongs to one thread at a time; the rest from any.
//
// Example:
//   absl::StatusOr<std::unique_ptr<RulesKeeper>> keeper =
//       RulesKeeper::Open("/etc/latchkey/rules");
//   if (!keeper.ok()) return Refuse(keeper.status());
//   ...
//   if (!(*keeper)->rules().Allows("web", Verb::kRead, key)) return Denied();

#ifndef LATCHKEY_SERVER_ACCESS_RULES_KEEPER_H_
#define LATCHKEY_SERVER_ACCESS_RULES_KEEPER_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/access/access_rules.h"
#include "server/base/mutex.h"

namespace latchkey {

class RulesKeeper {
 public:
  // Reads the file.  Errors: as AccessRules::Read().
  static absl::StatusOr<std::unique_ptr<RulesKeeper>> Open(std::string file);

  RulesKeeper(const RulesKeeper&) = delete;
  RulesKeeper& operator=(const RulesKeeper&) = delete;

  const std::string& file() const { return file_; }

  // The rules as they are now.  They live until this thread asks again, this
  // keeper or another.
  const AccessRules& rules() const;

  // Reads the file again.  Where that fails, the old rules stay.  Errors: as
  // AccessRules::Read().
  absl::Status Reload();

 private:
  explicit RulesKeeper(std::string file) : file_(std::move(file)) {}

  // Constant after construction.
  const std::string file_;

  // Synchronises itself: the number of the rules, of which no two keepers have
  // the same.  Reload() sets it with release when the rules are there; who asks
  // observes it with acquire, and so finds those rules, or newer ones.
  std::atomic<uint64_t> generation_ = 0;

  // Guarded by mutex_.
  mutable Mutex mutex_;
  std::shared_ptr<const AccessRules> rules_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_ACCESS_RULES_KEEPER_H_
