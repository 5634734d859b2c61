#include "client/verify/history_file.h"

#include <algorithm>
#include <utility>

#include "client/verify/json_text.h"

namespace latchkey::verify {
namespace {

std::string_view OutcomeText(EventOutcome outcome) {
  switch (outcome) {
    case EventOutcome::kOk:
      return "ok";
    case EventOutcome::kNotApplied:
      return "no";
    case EventOutcome::kUnknown:
      break;
  }
  return "unknown";
}

std::string ValueText(const KeyValue& value) {
  return value ? JsonText(*value) : "null";
}

bool SaysSomething(const KeyEffect& effect) {
  return effect.HasEffect() || effect.exists || effect.read;
}

}  // namespace

void HistoryFile::Write(const Round& round) {
  std::vector<Line> lines;
  AddLines(round.decided(), &lines);
  AddLines(round.unsettled(), &lines);
  std::sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) {
    return a.operation.start < b.operation.start;
  });
  for (const Line& line : lines) {
    if (!opaque_.contains(line.effect.key)) WriteLine(line);
  }
}

void HistoryFile::AddLines(const std::vector<LogicalOperation>& operations,
                           std::vector<Line>* lines) {
  for (const LogicalOperation& operation : operations) {
    const HistoryEvent& event = *operation.event;
    if (!messages_.Parse(event)) continue;
    for (KeyEffect& effect : FindKeyEffects(event, &messages_)) {
      if (effect.opaque) {
        opaque_.insert(effect.key);
      } else if (SaysSomething(effect)) {
        lines->push_back(
            {operation, OutcomeText(event.outcome), std::move(effect)});
      }
    }
  }
}

void HistoryFile::WriteLine(const Line& line) {
  const KeyEffect& effect = line.effect;
  out_ << "{\"client\":" << line.operation.event->process
       << ",\"call\":" << line.operation.start
       << ",\"return\":" << line.operation.end
       << ",\"key\":" << JsonText(effect.key);
  if (effect.exists) {
    out_ << ",\"exists\":" << (*effect.exists ? "true" : "false");
  }
  if (effect.read) out_ << ",\"read\":" << ValueText(*effect.read);
  if (effect.write) out_ << ",\"write\":" << ValueText(*effect.write);
  if (effect.add) out_ << ",\"add\":" << *effect.add;
  if (effect.initial) out_ << ",\"initial\":" << *effect.initial;
  if (effect.result) out_ << ",\"result\":" << JsonText(*effect.result);
  out_ << ",\"outcome\":\"" << line.outcome << "\"}\n";
}

}  // namespace latchkey::verify
