#include "client/load/value_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace latchkey::load {
namespace {

constexpr uint64_t kKey = 42;

class ValueCodecTest : public testing::Test {
 protected:
  std::string Encode(uint64_t key, uint64_t write, size_t size = 100) const {
    std::string value;
    codec_.Encode({.key_index = key, .write_number = write}, size, &value);
    return value;
  }

  const ValueCodec codec_{1};
};

TEST_F(ValueCodecTest, AcceptsWhatItMade) {
  for (const size_t size : {24, 25, 31, 32, 33, 64, 1'000, 1'048'576}) {
    const std::string value = Encode(kKey, 7, size);
    EXPECT_EQ(value.size(), size);
    EXPECT_EQ(codec_.Verify(value, kKey), ValueVerdict::kGood) << size;
  }
}

TEST_F(ValueCodecTest, IsAnotherValueForEachWrite) {
  EXPECT_NE(Encode(kKey, 1), Encode(kKey, 2));
  EXPECT_NE(Encode(kKey, 1).substr(24), Encode(kKey, 2).substr(24));
  EXPECT_EQ(Encode(kKey, 1), Encode(kKey, 1));
}

TEST_F(ValueCodecTest, RefusesEveryFlippedBit) {
  const std::string value = Encode(kKey, 7, 61);
  for (size_t bit = 0; bit < value.size() * 8; ++bit) {
    std::string bad = value;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_NE(codec_.Verify(bad, kKey), ValueVerdict::kGood) << bit;
  }
}

TEST_F(ValueCodecTest, RefusesEveryTruncation) {
  const std::string value = Encode(kKey, 7, 61);
  for (size_t size = 0; size < value.size(); ++size) {
    EXPECT_EQ(codec_.Verify(value.substr(0, size), kKey),
              size < kValueBytesMin ? ValueVerdict::kTooShort
                                    : ValueVerdict::kWrongLength);
  }
}

TEST_F(ValueCodecTest, RefusesAnExtension) {
  EXPECT_EQ(codec_.Verify(Encode(kKey, 7) + "x", kKey),
            ValueVerdict::kWrongLength);
}

TEST_F(ValueCodecTest, RefusesATornValue) {
  const std::string first = Encode(kKey, 1);
  const std::string second = Encode(kKey, 2);
  for (size_t cut = 9; cut < first.size() - 8; ++cut) {
    EXPECT_EQ(codec_.Verify(first.substr(0, cut) + second.substr(cut), kKey),
              ValueVerdict::kWrongChecksum)
        << cut;
  }
}

TEST_F(ValueCodecTest, RefusesSwappedWords) {
  const std::string value = Encode(kKey, 1);
  const std::string swapped = value.substr(0, 24) + value.substr(32, 8) +
                              value.substr(24, 8) + value.substr(40);
  EXPECT_EQ(codec_.Verify(swapped, kKey), ValueVerdict::kWrongChecksum);
}

TEST_F(ValueCodecTest, RefusesAValueOfAnotherKey) {
  EXPECT_EQ(codec_.Verify(Encode(kKey + 1, 1), kKey), ValueVerdict::kOtherKey);
}

TEST_F(ValueCodecTest, RefusesAValueOfAnotherRun) {
  std::string value;
  ValueCodec(2).Encode({.key_index = kKey, .write_number = 1}, 100, &value);
  EXPECT_EQ(codec_.Verify(value, kKey), ValueVerdict::kWrongChecksum);
}

TEST_F(ValueCodecTest, RefusesZeros) {
  EXPECT_EQ(codec_.Verify(std::string(100, '\0'), 0),
            ValueVerdict::kWrongLength);
}

}  // namespace
}  // namespace latchkey::load
