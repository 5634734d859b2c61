#include "client/load/calls.h"

#include <charconv>
#include <chrono>
#include <vector>

#include "client/verify/messages.h"

namespace latchkey::load {

const std::string& PathOf(Method method) {
  static const std::vector<std::string>* const paths = [] {
    auto* made = new std::vector<std::string>();
    for (size_t i = 0; i < verify::kMethods; ++i) {
      made->emplace_back(verify::MethodPath(static_cast<Method>(i)));
    }
    return made;
  }();
  return (*paths)[static_cast<size_t>(method)];
}

std::string KeyOf(const Call& call) {
  return verify::VisitMethod(
      call.method, [&]<typename Types>(Types) -> std::string {
        using Request = typename Types::Request;
        if constexpr (requires(Request r) { r.idempotency_key(); }) {
          if (!IsWrite(call.method)) return "";
          return static_cast<const Request&>(*call.request).idempotency_key();
        }
        return "";
      });
}

client::Outcome OutcomeOf(Method method, int attempts,
                          const client::CallError& error) {
  client::OutcomeTally tally(MayChange(method));
  for (int i = 0; i < attempts; ++i) tally.OnSent();
  tally.OnAnswer(error);
  return tally.Get();
}

Nanos ParsePushback(std::string_view text) {
  int ms = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), ms);
  return error == std::errc() && ms > 0 ? ms * kNanosPerMilli : 0;
}

Nanos MonotonicNow() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace latchkey::load
