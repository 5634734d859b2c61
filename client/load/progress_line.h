// ProgressLine tells a person each second how a phase is getting on.
//
// Thread safety: an instance belongs to one thread.

#ifndef LATCHKEY_CLIENT_LOAD_PROGRESS_LINE_H_
#define LATCHKEY_CLIENT_LOAD_PROGRESS_LINE_H_

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>

namespace latchkey::load {

// Where progress goes.
struct ProgressSink {
  // Null: nowhere.
  std::ostream* out = nullptr;
  // Each line overwrites the one before it, as terminals do.
  bool in_place = false;
};

class ProgressLine {
 public:
  // `phase` is what the line begins with, as "warm-up".
  ProgressLine(const ProgressSink& sink, std::string_view phase);
  // Leaves a clean line behind.
  ~ProgressLine();

  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // One more second has passed; `ended` operations have ended since the phase
  // began, `errors` of them badly.
  void Tick(uint64_t ended, uint64_t errors);

 private:
  const ProgressSink sink_;
  const std::string phase_;
  int seconds_ = 0;
  uint64_t ended_before_ = 0;
};

}  // namespace latchkey::load

#endif  // LATCHKEY_CLIENT_LOAD_PROGRESS_LINE_H_
