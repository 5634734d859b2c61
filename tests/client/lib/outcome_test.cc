#include "client/lib/outcome.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace latchkey::client {
namespace {

using enum Outcome;

struct Case {
  const char* what;
  // Each copy's end: "ok", "no" or "unknown" (applied), "bare" (an error that
  // says nothing), "none" (no answer by the end of the call).
  std::vector<std::string> copies;
  Outcome write;
  Outcome read;
};

const Case kCases[] = {
    {"nothing was sent", {}, kNotApplied, kNotApplied},
    {"good", {"ok"}, kOk, kOk},
    {"refused", {"no"}, kNotApplied, kNotApplied},
    {"all refused", {"no", "no", "no"}, kNotApplied, kNotApplied},
    {"the server cannot know", {"unknown"}, kUnknown, kNotApplied},
    {"broken transport, timeout", {"bare"}, kUnknown, kNotApplied},
    {"one broke, then refused", {"bare", "no"}, kUnknown, kNotApplied},
    {"refused, then one broke", {"no", "bare"}, kUnknown, kNotApplied},
    {"one unknown among no", {"no", "unknown", "no"}, kUnknown, kNotApplied},
    {"refused, a hedge still out", {"no", "none"}, kUnknown, kNotApplied},
    {"no answer at all", {"none"}, kUnknown, kNotApplied},
    {"broke, then good", {"bare", "ok"}, kOk, kOk},
    {"refused, then good", {"no", "ok"}, kOk, kOk},
    {"good, a hedge still out", {"none", "ok"}, kOk, kOk},
};

CallError Ending(const std::string& copy) {
  CallError error;
  if (copy == "ok") return error;
  error.code = grpc::StatusCode::UNAVAILABLE;
  if (copy != "bare") error.metadata["applied"] = copy;
  return error;
}

Outcome OutcomeOf(const Case& row, bool changes) {
  OutcomeTally tally(changes);
  for (const auto& copy : row.copies) {
    tally.OnSent();
    if (copy != "none") tally.OnAnswer(Ending(copy));
  }
  return tally.Get();
}

TEST(OutcomeTest, FollowsTheTable) {
  for (const Case& row : kCases) {
    SCOPED_TRACE(row.what);
    EXPECT_EQ(OutcomeOf(row, true), row.write);
    EXPECT_EQ(OutcomeOf(row, false), row.read);
  }
}

}  // namespace
}  // namespace latchkey::client
