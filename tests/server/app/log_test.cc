#include "server/app/log.h"

#include <gtest/gtest.h>

#include <string>

namespace latchkey {
namespace {

TEST(LogTest, TextIsKeysAndQuotedValues) {
  EXPECT_EQ(FormatLogLine(false, "listening",
                          {{"address", "[::1]:7411"}, {"threads", "2"}}),
            R"(event=listening address="[::1]:7411" threads="2")");
  EXPECT_EQ(FormatLogLine(false, "stopped", {}), "event=stopped");
}

TEST(LogTest, JsonIsTheRestOfAnObject) {
  EXPECT_EQ(FormatLogLine(true, "listening", {{"threads", "2"}}),
            R"("event":"listening","threads":"2")");
}

TEST(LogTest, NoValueLeavesItsQuotesOrItsLine) {
  for (const bool json : {false, true}) {
    const std::string line = FormatLogLine(
        json, "e", {{"m", std::string("a\"b\\c\nd\x01\x7f\xc3\xa4\0e", 13)}});
    EXPECT_EQ(line.substr(line.find('a')),
              R"(a\"b\\c\u000ad\u0001???\u0000e")");
  }
}

}  // namespace
}  // namespace latchkey
