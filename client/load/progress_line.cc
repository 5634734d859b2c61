#include "client/load/progress_line.h"

#include "client/load/text_format.h"

namespace latchkey::load {

ProgressLine::ProgressLine(const ProgressSink& sink, std::string_view phase)
    : sink_(sink), phase_(phase) {}

ProgressLine::~ProgressLine() {
  // Back to the first column, and erase to the end of the line.
  if (sink_.out != nullptr && sink_.in_place && seconds_ > 0) {
    *sink_.out << "\r\x1b[K" << std::flush;
  }
}

void ProgressLine::Tick(uint64_t ended, uint64_t errors) {
  if (sink_.out == nullptr) return;
  ++seconds_;
  *sink_.out << (sink_.in_place ? "\r\x1b[K" : "") << phase_ << "  " << seconds_
             << " s  " << WithThousands(ended - ended_before_)
             << " operations/s  " << WithThousands(ended) << " in all  "
             << WithThousands(errors) << " errors"
             << (sink_.in_place ? "" : "\n") << std::flush;
  ended_before_ = ended;
}

}  // namespace latchkey::load
