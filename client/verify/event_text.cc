#include "client/verify/event_text.h"

#include "absl/strings/str_format.h"
#include "client/verify/messages.h"

namespace latchkey::verify {
namespace {

double Millis(int64_t nanos) { return static_cast<double>(nanos) / 1e6; }

std::string AnswerText(const HistoryEvent& event,
                       const google::protobuf::Message& response) {
  std::string text = event.replayed ? "a replay of " : "";
  if (event.outcome == EventOutcome::kOk) return text + MessageText(response);
  if (event.outcome == EventOutcome::kUnknown) text += "unknown ";
  if (event.error == nullptr) return text + "an error";
  text += event.error->code + " " + event.error->reason;
  for (const auto& [name, value] : event.error->metadata) {
    text += " " + name + "=" + value;
  }
  return text;
}

}  // namespace

std::string MessageText(const google::protobuf::Message& message) {
  std::string text = message.ShortDebugString();
  if (text.size() > kMessageTextMax) {
    text.resize(kMessageTextMax);
    text += "...";
  }
  return "{" + text + "}";
}

std::string EventText(const HistoryEvent& event) {
  EventMessages messages;
  const bool parsed = messages.Parse(event);
  std::string text = absl::StrFormat(
      "%s by %d from %.3f to %.3f ms", std::string(MethodName(event.method)),
      event.process, Millis(event.start), Millis(event.end));
  if (!parsed) return text + " with bytes that are no message";
  return VisitMethod(event.method, [&]<typename Types>(Types) {
    return text + " " + MessageText(messages.Get<typename Types::Request>()) +
           " -> " + AnswerText(event, messages.Get<typename Types::Response>());
  });
}

}  // namespace latchkey::verify
