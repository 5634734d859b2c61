#include "server/service/element_count.h"

#include <gtest/gtest.h>

#include <string>

#include "latchkey/v1/cache.pb.h"
#include "tests/server/service/service_fixture.h"

namespace latchkey {
namespace {

TEST(ElementCountTest, CountsOneFieldAmongOthers) {
  const std::string bytes =
      RequestBytes("Transact",
                   "compares { key: 'a' } compares { key: 'b' } compares {} "
                   "on_success { get { key: 'c' } } idempotency_key: 'i'");
  EXPECT_EQ(CountElements(bytes, 1), 3u);
  EXPECT_EQ(CountElements(bytes, 2), 1u);
  EXPECT_EQ(CountElements(bytes, 3), 0u);
  EXPECT_EQ(CountElements(bytes, 15), 1u);
  EXPECT_EQ(CountElements("", 1), 0u);
}

TEST(ElementCountTest, CountsElementsOfAnySize) {
  v1::BatchGetRequest request;
  for (const size_t size : {0, 1, 127, 128, 0, 300, 2}) {
    request.add_keys(std::string(size, 'k'));
    EXPECT_EQ(CountElements(request.SerializeAsString(), 1),
              static_cast<size_t>(request.keys_size()));
  }
  // The parser would begin to build one that is cut off, too.
  EXPECT_EQ(CountElements("\x0a\x01k\x0a\x05k", 1), 2u);
}

// What looks like an element inside another one is none.
TEST(ElementCountTest, DoesNotLookInside) {
  v1::BatchPutRequest inner;
  inner.add_puts();
  inner.add_puts();
  v1::BatchPutRequest outer;
  outer.add_puts()->set_key(inner.SerializeAsString());
  EXPECT_EQ(CountElements(outer.SerializeAsString(), 1), 1u);
}

TEST(ElementCountTest, AFieldOfAnotherWireTypeIsNoElement) {
  // Field 1 as a varint, then as bytes.
  EXPECT_EQ(CountElements(std::string("\x08\x05\x0a\x00", 4), 1), 1u);
}

TEST(ElementCountTest, StopsWhereTheBytesMakeNoSense) {
  const std::string two("\x0a\x00\x0a\x00", 4);
  // Lengths past the end, and an invalid wire type.
  for (const char* const bad : {"\x12\x7f", "\x07", "\x12\x05"}) {
    EXPECT_EQ(CountElements(two + bad + two, 1), 2u);
  }
  // A tag, and a length, that are cut off.
  EXPECT_EQ(CountElements(two + "\x80", 1), 2u);
  EXPECT_EQ(CountElements(two + "\x12\x80", 1), 2u);
}

// The parser reads a tag of more bytes than it needs; so must the count.
TEST(ElementCountTest, SeesWhatTheParserSees) {
  const std::string padded("\x8a\x00\x00", 3);
  v1::BatchPutRequest request;
  ASSERT_TRUE(request.ParseFromString(padded));
  EXPECT_EQ(CountElements(padded, 1), static_cast<size_t>(request.puts_size()));
}

}  // namespace
}  // namespace latchkey
