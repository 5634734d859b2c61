// Move: one entry under another name, in one step.

#include <gtest/gtest.h>

#include "tests/server/store/store_fixture.h"

namespace latchkey {
namespace {

using enum absl::StatusCode;

class MoveTest : public StoreTest {
 protected:
  WriteResult MoveWith(MoveOperation operation) {
    operation.source_key = "a";
    operation.destination_key = "b";
    return Do(operation);
  }

  // Expects that `operation` fails so and leaves both keys as they are. Returns
  // the error's current_version.
  std::string ExpectRefused(const MoveOperation& operation,
                            absl::StatusCode code, ErrorReason reason) {
    const EntryView a = Look("a");
    const EntryView b = Look("b");
    const absl::Status status =
        ExpectNoTrace([&] { return MoveWith(operation); });
    ExpectError(status, code, reason);
    EXPECT_EQ(Look("a").entry.get(), a.entry.get());
    EXPECT_EQ(Look("b").entry.get(), b.entry.get());
    return MetadataOf(status, "current_version");
  }
};

TEST_F(MoveTest, TakesValueExpiryAndFlagsAlong) {
  PutWithFlags("a", "v", 7, Ttl(10_ms));
  Advance(4_ms);
  const WriteResult moved = MoveWith({});
  EXPECT_EQ(ResultOf<MoveResult>(moved).expire_time, kStart + 10_ms);
  ExpectMissing("a");
  ExpectValue("b", "v");
  EXPECT_EQ(FlagsOf("b"), 7u);
  EXPECT_EQ(ExpiryOf("b"), kStart + 10_ms);
  EXPECT_EQ(store().EntryCount(), 1u);
}

TEST_F(MoveTest, GivesTheDestinationANewVersion) {
  const uint64_t before = Put("a", "v");
  EXPECT_EQ(MoveWith({})->version, before + 1);
  EXPECT_EQ(VersionOf("b"), before + 1);
}

TEST_F(MoveTest, OfAnEntryWithoutExpiryMakesOneWithout) {
  Put("a", "v");
  Put("b", "w", Ttl(10_ms));
  const WriteResult moved = MoveWith({.overwrite = true});
  EXPECT_EQ(ResultOf<MoveResult>(moved).expire_time, kNever);
  EXPECT_EQ(ExpiryOf("b"), kNever);
}

TEST_F(MoveTest, OfAMissingSourceIsNotFound) {
  ExpectRefused({}, kNotFound, ErrorReason::kKeyNotFound);
  Put("a", "v", Ttl(10_ms));
  Advance(10_ms);
  ExpectRefused({}, kNotFound, ErrorReason::kKeyNotFound);
}

TEST_F(MoveTest, DoesNotReplaceADestinationUnlessTold) {
  Put("a", "v");
  const uint64_t version = Put("b", "w");
  EXPECT_EQ(ExpectRefused({}, kAlreadyExists, ErrorReason::kKeyExists),
            std::to_string(version));
  EXPECT_TRUE(MoveWith({.overwrite = true}).ok());
  ExpectMissing("a");
  ExpectValue("b", "v");
}

TEST_F(MoveTest, AnExpiredDestinationIsNone) {
  Put("a", "v");
  Put("b", "w", Ttl(10_ms));
  Advance(10_ms);
  EXPECT_TRUE(MoveWith({}).ok());
  ExpectValue("b", "v");
  EXPECT_EQ(ExpiryOf("b"), kNever);
}

TEST_F(MoveTest, HonoursThePreconditionOfTheSource) {
  const uint64_t version = Put("a", "v");
  EXPECT_EQ(ExpectRefused({.source_precondition = VersionIs(version + 1)},
                          kAborted, ErrorReason::kPreconditionFailed),
            std::to_string(version));
  ExpectRefused({.source_precondition = ValueIs("w")}, kAborted,
                ErrorReason::kPreconditionFailed);
  ExpectRefused({.source_precondition = Missing()}, kAlreadyExists,
                ErrorReason::kKeyExists);
  EXPECT_TRUE(MoveWith({.source_precondition = VersionIs(version)}).ok());
}

TEST_F(MoveTest, HonoursThePreconditionOfTheDestination) {
  Put("a", "v");
  EXPECT_EQ(ExpectRefused({.destination_precondition = Exists()}, kAborted,
                          ErrorReason::kPreconditionFailed),
            "0");
  const uint64_t version = Put("b", "w");
  ExpectRefused(
      {.overwrite = true, .destination_precondition = VersionIs(version + 1)},
      kAborted, ErrorReason::kPreconditionFailed);
  ExpectRefused({.overwrite = true, .destination_precondition = Missing()},
                kAlreadyExists, ErrorReason::kKeyExists);
  // A demand that holds is no leave to overwrite.
  ExpectRefused({.destination_precondition = VersionIs(version)},
                kAlreadyExists, ErrorReason::kKeyExists);
  EXPECT_TRUE(MoveWith({.overwrite = true,
                        .destination_precondition = VersionIs(version)})
                  .ok());
  ExpectValue("b", "v");
}

TEST_F(MoveTest, OfAValueOfAnySize) {
  const std::string value(1 << 20, 'v');
  Put("a", value);
  Move("a", "b");
  ExpectValue("b", value);
}

TEST_F(MoveTest, ThereAndBackKeepsTheEntry) {
  PutWithFlags("a", "v", 7, Ttl(10_ms));
  const uint64_t there = Move("a", "b");
  const uint64_t back = Move("b", "a");
  EXPECT_EQ(back, there + 1);
  ExpectValue("a", "v");
  EXPECT_EQ(FlagsOf("a"), 7u);
  EXPECT_EQ(ExpiryOf("a"), kStart + 10_ms);
  EXPECT_EQ(VersionOf("a"), back);
  ExpectMissing("b");
}

}  // namespace
}  // namespace latchkey
