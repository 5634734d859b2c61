// Increment and Transfer: counters, their text and their bounds.

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "tests/server/store/store_fixture.h"

namespace latchkey {
namespace {

using enum absl::StatusCode;

class IncrementTest : public StoreTest {
 protected:
  WriteResult IncrementWith(IncrementOperation operation) {
    operation.key = "k";
    return Do(operation);
  }
};
class TransferTest : public StoreTest {
 protected:
  WriteResult TransferWith(TransferOperation operation) {
    operation.source_key = "a";
    operation.destination_key = "b";
    return Do(operation);
  }
};

TEST_F(IncrementTest, AddsToWhatPutSetAndShowsItToGet) {
  Put("k", "40");
  EXPECT_EQ(Increment("k", 2), 42);
  ExpectValue("k", "42");
  EXPECT_EQ(Increment("k", -50), -8);
  ExpectValue("k", "-8");
}

TEST_F(IncrementTest, GivesTheCounterTheVersionOfTheCommit) {
  const uint64_t before = Put("k", "1");
  const WriteResult written = IncrementWith({.delta = 1});
  EXPECT_EQ(written->version, before + 1);
  EXPECT_EQ(VersionOf("k"), before + 1);
}

TEST_F(IncrementTest, ByZeroIsACommit) {
  const uint64_t before = Put("k", "1");
  EXPECT_EQ(IncrementWith({})->version, before + 1);
  ExpectValue("k", "1");
}

TEST_F(IncrementTest, OfAMissingKeyStartsFromInitial) {
  const WriteResult written = IncrementWith({.delta = 5, .initial = 10});
  EXPECT_EQ(ResultOf<IncrementResult>(written).value, 15);
  ExpectValue("k", "15");
  EXPECT_EQ(ExpiryOf("k"), kNever);
  EXPECT_EQ(FlagsOf("k"), 0u);
}

TEST_F(IncrementTest, InitialIsNotForACounterThatExists) {
  Put("k", "1");
  const WriteResult written = IncrementWith({.delta = 5, .initial = 10});
  EXPECT_EQ(ResultOf<IncrementResult>(written).value, 6);
}

TEST_F(IncrementTest, OfAMissingKeyWithoutInitialIsNotFound) {
  ExpectError(ExpectNoTrace([&] { return IncrementWith({.delta = 1}); }),
              kNotFound, ErrorReason::kKeyNotFound);
  ExpectMissing("k");
}

TEST_F(IncrementTest, OfAnExpiredCounterIsOneOfAMissingKey) {
  Put("k", "1", Ttl(10_ms));
  Advance(10_ms);
  ExpectError(IncrementWith({.delta = 1}), kNotFound,
              ErrorReason::kKeyNotFound);
  EXPECT_EQ(ResultOf<IncrementResult>(IncrementWith({.delta = 1, .initial = 0}))
                .value,
            1);
  EXPECT_EQ(ExpiryOf("k"), kNever);
}

TEST_F(IncrementTest, KeepsFlagsAndExpiry) {
  PutWithFlags("k", "1", 7, Ttl(10_ms));
  Advance(4_ms);
  Increment("k", 1);
  EXPECT_EQ(FlagsOf("k"), 7u);
  EXPECT_EQ(ExpiryOf("k"), kStart + 10_ms);
}

TEST_F(IncrementTest, TakesANewExpiryWhereGiven) {
  Put("k", "1", Ttl(10_ms));
  Advance(4_ms);
  IncrementWith({.delta = 1, .expiration = Ttl(10_ms)}).value();
  EXPECT_EQ(ExpiryOf("k"), kStart + 14_ms);
  IncrementWith({.delta = 1, .expiration = Never()}).value();
  EXPECT_EQ(ExpiryOf("k"), kNever);
}

TEST_F(IncrementTest, ReachesItsBoundsAndNoFurther) {
  Put("k", "5");
  EXPECT_EQ(ResultOf<IncrementResult>(
                IncrementWith({.delta = 5, .min = 0, .max = 10}))
                .value,
            10);
  ExpectError(ExpectNoTrace([&] {
                return IncrementWith({.delta = 1, .min = 0, .max = 10});
              }),
              kOutOfRange, ErrorReason::kCounterLimit);
  EXPECT_EQ(ResultOf<IncrementResult>(
                IncrementWith({.delta = -10, .min = 0, .max = 10}))
                .value,
            0);
  ExpectError(ExpectNoTrace([&] {
                return IncrementWith({.delta = -1, .min = 0, .max = 10});
              }),
              kOutOfRange, ErrorReason::kCounterLimit);
  ExpectValue("k", "0");
}

TEST_F(IncrementTest, BoundsAlsoHoldForANewCounter) {
  ExpectError(ExpectNoTrace([&] {
                return IncrementWith({.delta = 1, .initial = 10, .max = 10});
              }),
              kOutOfRange, ErrorReason::kCounterLimit);
  ExpectMissing("k");
}

TEST_F(IncrementTest, ReachesTheEndsOf64BitsAndNoFurther) {
  Put("k", "9223372036854775806");
  EXPECT_EQ(Increment("k", 1), INT64_MAX);
  ExpectValue("k", "9223372036854775807");
  ExpectError(ExpectNoTrace([&] { return IncrementWith({.delta = 1}); }),
              kOutOfRange, ErrorReason::kCounterLimit);
  Put("k", "-9223372036854775807");
  EXPECT_EQ(Increment("k", -1), INT64_MIN);
  ExpectValue("k", "-9223372036854775808");
  ExpectError(ExpectNoTrace([&] { return IncrementWith({.delta = -1}); }),
              kOutOfRange, ErrorReason::kCounterLimit);
  ExpectError(
      ExpectNoTrace([&] { return IncrementWith({.delta = INT64_MIN}); }),
      kOutOfRange, ErrorReason::kCounterLimit);
  EXPECT_EQ(Increment("k", INT64_MAX), -1);
}

// Which values are counters: an optional '-', then digits, as a whole and
// within 64 bits.
struct CounterTextCase {
  const char* name;
  std::string text;
  std::optional<int64_t> value;  // Nothing: not a counter.
};

class CounterTextTest : public StoreTest,
                        public ::testing::WithParamInterface<CounterTextCase> {
};

TEST_P(CounterTextTest, OfIncrement) {
  const CounterTextCase& row = GetParam();
  Put("k", row.text);
  const auto increment = [&] { return Do(IncrementOperation{.key = "k"}); };
  if (row.value.has_value()) {
    EXPECT_EQ(ResultOf<IncrementResult>(increment()).value, *row.value);
    ExpectValue("k", std::to_string(*row.value));
  } else {
    ExpectError(ExpectNoTrace(increment), kFailedPrecondition,
                ErrorReason::kNotACounter);
    ExpectValue("k", row.text);
  }
}

TEST_P(CounterTextTest, OfTransferSource) {
  const CounterTextCase& row = GetParam();
  Put("k", row.text);
  Put("other", "0");
  const auto transfer = [&] {
    return Do(TransferOperation{.source_key = "k",
                                .destination_key = "other",
                                .amount = 1,
                                .source_min = INT64_MIN});
  };
  if (!row.value.has_value()) {
    ExpectError(ExpectNoTrace(transfer), kFailedPrecondition,
                ErrorReason::kNotACounter);
  } else if (*row.value != INT64_MIN) {
    EXPECT_EQ(ResultOf<TransferResult>(transfer()).source_value,
              *row.value - 1);
  }
}

TEST_P(CounterTextTest, OfTransferDestination) {
  const CounterTextCase& row = GetParam();
  Put("k", row.text);
  Put("other", "10");
  const auto transfer = [&] {
    return Do(TransferOperation{
        .source_key = "other", .destination_key = "k", .amount = 1});
  };
  if (!row.value.has_value()) {
    ExpectError(ExpectNoTrace(transfer), kFailedPrecondition,
                ErrorReason::kNotACounter);
    ExpectValue("other", "10");
  } else if (*row.value != INT64_MAX) {
    EXPECT_EQ(ResultOf<TransferResult>(transfer()).destination_value,
              *row.value + 1);
  }
}

INSTANTIATE_TEST_SUITE_P(
    AllRows, CounterTextTest,
    ::testing::Values(
        CounterTextCase{"Zero", "0", 0}, CounterTextCase{"One", "1", 1},
        CounterTextCase{"Negative", "-17", -17},
        CounterTextCase{"Most", "9223372036854775807", INT64_MAX},
        CounterTextCase{"Least", "-9223372036854775808", INT64_MIN},
        CounterTextCase{"LeadingZero", "05", 5},
        CounterTextCase{"NegativeZero", "-0", 0},
        CounterTextCase{"OverMost", "9223372036854775808", {}},
        CounterTextCase{"UnderLeast", "-9223372036854775809", {}},
        CounterTextCase{"FarOver", "99999999999999999999999999", {}},
        CounterTextCase{"Empty", "", {}}, CounterTextCase{"Sign", "-", {}},
        CounterTextCase{"TwoSigns", "--5", {}},
        CounterTextCase{"Plus", "+5", {}},
        CounterTextCase{"LeadingSpace", " 5", {}},
        CounterTextCase{"TrailingSpace", "5 ", {}},
        CounterTextCase{"NewLine", "5\n", {}},
        CounterTextCase{"TrailingNul", std::string("5\0", 2), {}},
        CounterTextCase{"Fraction", "5.0", {}},
        CounterTextCase{"Exponent", "5e3", {}},
        CounterTextCase{"Hexadecimal", "0x5", {}},
        CounterTextCase{"Word", "five", {}},
        CounterTextCase{"TrailingWord", "5a", {}}),
    [](const auto& row) { return row.param.name; });

TEST_F(TransferTest, MovesTheAmountInOneCommit) {
  Put("a", "10");
  const uint64_t before = Put("b", "1");
  const WriteResult written = TransferWith({.amount = 4});
  EXPECT_EQ(ResultOf<TransferResult>(written).source_value, 6);
  EXPECT_EQ(ResultOf<TransferResult>(written).destination_value, 5);
  ExpectValue("a", "6");
  ExpectValue("b", "5");
  EXPECT_EQ(written->version, before + 1);
  EXPECT_EQ(VersionOf("a"), before + 1);
  EXPECT_EQ(VersionOf("b"), before + 1);
}

TEST_F(TransferTest, LeavesNoLessThanSourceMin) {
  Put("a", "10");
  Put("b", "0");
  ExpectError(ExpectNoTrace([&] { return TransferWith({.amount = 11}); }),
              kOutOfRange, ErrorReason::kCounterLimit);
  ExpectError(ExpectNoTrace(
                  [&] { return TransferWith({.amount = 8, .source_min = 3}); }),
              kOutOfRange, ErrorReason::kCounterLimit);
  ExpectValue("a", "10");
  ExpectValue("b", "0");
  EXPECT_TRUE(TransferWith({.amount = 7, .source_min = 3}).ok());
  EXPECT_TRUE(TransferWith({.amount = 3}).ok());
  ExpectValue("a", "0");
  EXPECT_TRUE(TransferWith({.amount = 5, .source_min = -5}).ok());
  ExpectValue("a", "-5");
  ExpectValue("b", "15");
}

TEST_F(TransferTest, StaysWithin64Bits) {
  Put("a", "0");
  Put("b", "9223372036854775807");
  ExpectError(ExpectNoTrace([&] {
                return TransferWith({.amount = 1, .source_min = INT64_MIN});
              }),
              kOutOfRange, ErrorReason::kCounterLimit);
  Put("a", "-9223372036854775808");
  Put("b", "0");
  ExpectError(ExpectNoTrace([&] {
                return TransferWith({.amount = 1, .source_min = INT64_MIN});
              }),
              kOutOfRange, ErrorReason::kCounterLimit);
  Put("a", "9223372036854775807");
  const WriteResult all = TransferWith({.amount = INT64_MAX});
  EXPECT_EQ(ResultOf<TransferResult>(all).source_value, 0);
  EXPECT_EQ(ResultOf<TransferResult>(all).destination_value, INT64_MAX);
}

TEST_F(TransferTest, OfAMissingSourceIsNotFound) {
  Put("b", "0");
  ExpectError(ExpectNoTrace([&] { return TransferWith({.amount = 1}); }),
              kNotFound, ErrorReason::kKeyNotFound);
}

TEST_F(TransferTest, ToAMissingDestinationIsNotFoundUnlessItMayBeMade) {
  PutWithFlags("a", "10", 7, Ttl(10_ms));
  ExpectError(ExpectNoTrace([&] { return TransferWith({.amount = 4}); }),
              kNotFound, ErrorReason::kKeyNotFound);
  ExpectValue("a", "10");
  const WriteResult made =
      TransferWith({.amount = 4, .create_destination = true});
  EXPECT_EQ(ResultOf<TransferResult>(made).destination_value, 4);
  ExpectValue("b", "4");
  EXPECT_EQ(ExpiryOf("b"), kNever);
  EXPECT_EQ(FlagsOf("b"), 0u);
}

TEST_F(TransferTest, NeverMakesASource) {
  Put("b", "0");
  ExpectError(
      ExpectNoTrace([&] {
        return TransferWith(
            {.amount = 1, .source_min = INT64_MIN, .create_destination = true});
      }),
      kNotFound, ErrorReason::kKeyNotFound);
}

TEST_F(TransferTest, KeepsFlagsAndExpiryOfBoth) {
  PutWithFlags("a", "10", 7, Ttl(10_ms));
  PutWithFlags("b", "10", 8, Ttl(20_ms));
  Advance(5_ms);
  EXPECT_TRUE(TransferWith({.amount = 1, .create_destination = true}).ok());
  EXPECT_EQ(FlagsOf("a"), 7u);
  EXPECT_EQ(ExpiryOf("a"), kStart + 10_ms);
  EXPECT_EQ(FlagsOf("b"), 8u);
  EXPECT_EQ(ExpiryOf("b"), kStart + 20_ms);
}

TEST_F(TransferTest, AnExpiredDestinationIsMadeAnew) {
  Put("a", "10");
  Put("b", "100", Ttl(10_ms));
  Advance(10_ms);
  const WriteResult made =
      TransferWith({.amount = 4, .create_destination = true});
  EXPECT_EQ(ResultOf<TransferResult>(made).destination_value, 4);
  EXPECT_EQ(ExpiryOf("b"), kNever);
}

TEST_F(TransferTest, ThereAndBackIsAsBefore) {
  Put("a", "10");
  Put("b", "20");
  Transfer("a", "b", 10);
  Transfer("b", "a", 10);
  ExpectValue("a", "10");
  ExpectValue("b", "20");
}

}  // namespace
}  // namespace latchkey
