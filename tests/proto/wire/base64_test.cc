#include "proto/wire/base64.h"

#include <gtest/gtest.h>

#include <string>

namespace latchkey::wire {
namespace {

struct Row {
  std::string bytes;
  const char* text;
  const char* padded;
};

const Row kRows[] = {
    {"", "", ""},
    {"f", "Zg", "Zg=="},
    {"fo", "Zm8", "Zm8="},
    {"foo", "Zm9v", "Zm9v"},
    {"foob", "Zm9vYg", "Zm9vYg=="},
    {std::string("\0\xff\xfe", 3), "AP/+", "AP/+"},
};

TEST(Base64Test, EncodesWithoutPadding) {
  for (const Row& row : kRows) EXPECT_EQ(Base64Encode(row.bytes), row.text);
}

TEST(Base64Test, EncodesWithPadding) {
  for (const Row& row : kRows) {
    EXPECT_EQ(Base64EncodePadded(row.bytes), row.padded);
  }
}

TEST(Base64Test, DecodesWithAndWithoutPadding) {
  for (const Row& row : kRows) {
    EXPECT_EQ(Base64Decode(row.text), row.bytes);
    EXPECT_EQ(Base64Decode(row.padded), row.bytes);
  }
}

TEST(Base64Test, WhatIsNoBase64IsNothing) {
  for (const char* text : {"Z", "Zg=", "Zm9v=", "Z g", "Zg..", "Zm9-", "Zm9_",
                           "=", "Zg==Zg==", "\xff\xff", "Zg\n"}) {
    EXPECT_EQ(Base64Decode(text), std::nullopt) << text;
  }
}

TEST(Base64Test, BinaryNamesEndInBin) {
  EXPECT_TRUE(IsBinaryName("trace-bin"));
  EXPECT_FALSE(IsBinaryName("trace"));
  EXPECT_FALSE(IsBinaryName("-bin-trace"));
}

}  // namespace
}  // namespace latchkey::wire
