#include "client/cli/scan_progress.h"

#include <gtest/gtest.h>

#include <sstream>

namespace latchkey::client {
namespace {

using std::chrono::milliseconds;

TEST(ScanProgressTest, TellsEntriesAndRateFiveTimesASecond) {
  std::ostringstream out;
  const ScanProgress::Time start;
  {
    ScanProgress progress(&out, start);
    progress.Update(10, start + milliseconds(199));
    EXPECT_EQ(out.str(), "");
    progress.Update(1'000, start + milliseconds(500));
    EXPECT_EQ(out.str(), "\r\x1b[K1000 entries, 2000 a second");
    progress.Update(1'001, start + milliseconds(699));
    progress.Update(1'400, start + milliseconds(700));
  }
  EXPECT_EQ(out.str(),
            "\r\x1b[K1000 entries, 2000 a second"
            "\r\x1b[K1400 entries, 2000 a second\r\x1b[K");
}

TEST(ScanProgressTest, MakesRoomForOtherOutput) {
  std::ostringstream out;
  const ScanProgress::Time start;
  ScanProgress progress(&out, start);
  progress.Clear();
  EXPECT_EQ(out.str(), "");
  progress.Update(5, start + milliseconds(1'000));
  progress.Clear();
  progress.Clear();
  EXPECT_EQ(out.str(), "\r\x1b[K5 entries, 5 a second\r\x1b[K");
}

TEST(ScanProgressTest, SaysNothingToNobody) {
  ScanProgress progress(nullptr, {});
  progress.Update(5, ScanProgress::Time() + milliseconds(1'000));
  progress.Clear();
}

}  // namespace
}  // namespace latchkey::client
