#include "proto/wire/percent_encoding.h"

#include <gtest/gtest.h>

#include <string>

namespace latchkey::wire {
namespace {

struct Row {
  std::string text;
  const char* encoded;
};

const Row kRows[] = {
    {"", ""},
    {"key: is empty", "key: is empty"},
    {"100%", "100%25"},
    {"a\nb\r", "a%0Ab%0D"},
    {"\xc3\xa9", "%C3%A9"},
    {std::string("\0\x1f\x7f ~", 5), "%00%1F%7F ~"},
};

TEST(PercentEncodingTest, Encodes) {
  for (const Row& row : kRows) EXPECT_EQ(PercentEncode(row.text), row.encoded);
}

TEST(PercentEncodingTest, DecodesWhatWasEncoded) {
  for (const Row& row : kRows) EXPECT_EQ(PercentDecode(row.encoded), row.text);
  EXPECT_EQ(PercentDecode("%c3%a9"), "\xc3\xa9");
}

TEST(PercentEncodingTest, WhatIsNoEncodingStays) {
  for (const char* text : {"%", "%4", "%zz", "a%4", "%%4g", "100% sure"}) {
    EXPECT_EQ(PercentDecode(text), text);
  }
  EXPECT_EQ(PercentDecode("%%41"), "%A");
}

}  // namespace
}  // namespace latchkey::wire
