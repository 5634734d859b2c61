// Outcome is what the caller of a write knows at its end, and OutcomeTally how
// it is found: "not applied" is said only if every copy that was sent said so
// itself (applied=no).  Anything else without a good answer, a timeout, a
// broken connection, applied=unknown, is unknown; GetOutcome settles it.
//
// Thread safety: an OutcomeTally is used by one thread at a time.

#ifndef LATCHKEY_CLIENT_LIB_OUTCOME_H_
#define LATCHKEY_CLIENT_LIB_OUTCOME_H_

#include "client/lib/call_error.h"

namespace latchkey::client {

enum class Outcome {
  // The good answer is there.
  kOk,
  // There is an error, and nothing was changed, nor will be by a late copy.
  kNotApplied,
  // There is an error, and the call may have changed something, or still may.
  kUnknown,
};

class OutcomeTally {
 public:
  // `changes`: whether the call can change anything; one that cannot is never
  // unknown.
  explicit OutcomeTally(bool changes) : changes_(changes) {}

  void OnSent() { ++sent_; }

  // A copy ended with `error`, code OK for a good answer.
  void OnAnswer(const CallError& error) {
    const auto applied = error.metadata.find("applied");
    if (error.code == grpc::StatusCode::OK) {
      answered_well_ = true;
    } else if (applied != error.metadata.end() && applied->second == "no") {
      ++said_no_;
    }
  }

  Outcome Get() const {
    if (answered_well_) return Outcome::kOk;
    if (!changes_ || sent_ == said_no_) return Outcome::kNotApplied;
    return Outcome::kUnknown;
  }

 private:
  const bool changes_;
  int sent_ = 0;
  int said_no_ = 0;
  bool answered_well_ = false;
};

}  // namespace latchkey::client

#endif  // LATCHKEY_CLIENT_LIB_OUTCOME_H_
