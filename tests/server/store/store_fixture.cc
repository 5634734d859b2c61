#include "tests/server/store/store_fixture.h"

#include "tests/support/seeded_random.h"

namespace latchkey {

std::string MetadataOf(const absl::Status& status, std::string_view name) {
  const std::optional<ErrorDetails> details = GetErrorDetails(status);
  if (details.has_value()) {
    for (const auto& [key, value] : details->metadata) {
      if (key == name) return value;
    }
  }
  return "(none)";
}

void ExpectError(const absl::Status& status, absl::StatusCode code,
                 ErrorReason reason) {
  EXPECT_EQ(status.code(), code) << status;
  const std::optional<ErrorDetails> details = GetErrorDetails(status);
  ASSERT_TRUE(details.has_value()) << "no reason in " << status;
  EXPECT_EQ(ErrorReasonName(details->reason), ErrorReasonName(reason))
      << status;
}

StoreTest::StoreTest(const StoreOptions& options) {
  SeededRandom random(kSeed);
  store_ = std::make_unique<Store>(options, clock_, random);
}

uint64_t StoreTest::Put(std::string_view key, std::string_view value,
                        Expiration expiration) {
  return PutWithFlags(key, value, 0, expiration);
}

uint64_t StoreTest::PutWithFlags(std::string_view key, std::string_view value,
                                 uint32_t flags, Expiration expiration) {
  const WriteResult written = Do(PutOperation{
      .key = key, .value = value, .expiration = expiration, .flags = flags});
  EXPECT_TRUE(written.ok()) << written.status();
  return written.ok() ? written->version : kNoVersion;
}

uint64_t StoreTest::Delete(std::string_view key) {
  const WriteResult written = Do(DeleteOperation{.key = key});
  EXPECT_TRUE(written.ok()) << written.status();
  return written.ok() ? written->version : kNoVersion;
}

uint64_t StoreTest::Touch(std::string_view key, Expiration expiration) {
  const WriteResult written =
      Do(TouchOperation{.key = key, .expiration = expiration});
  EXPECT_TRUE(written.ok()) << written.status();
  return written.ok() ? written->version : kNoVersion;
}

uint64_t StoreTest::Move(std::string_view source,
                         std::string_view destination) {
  const WriteResult written =
      Do(MoveOperation{.source_key = source, .destination_key = destination});
  EXPECT_TRUE(written.ok()) << written.status();
  return written.ok() ? written->version : kNoVersion;
}

int64_t StoreTest::Increment(std::string_view key, int64_t delta) {
  const WriteResult written =
      Do(IncrementOperation{.key = key, .delta = delta});
  EXPECT_TRUE(written.ok()) << written.status();
  return written.ok() ? ResultOf<IncrementResult>(written).value : 0;
}

TransferResult StoreTest::Transfer(std::string_view source,
                                   std::string_view destination,
                                   int64_t amount) {
  const WriteResult written = Do(TransferOperation{
      .source_key = source, .destination_key = destination, .amount = amount});
  EXPECT_TRUE(written.ok()) << written.status();
  return written.ok() ? ResultOf<TransferResult>(written) : TransferResult{};
}

WriteResult StoreTest::Do(const Operation& operation) {
  return store().Write({.on_success = {&operation, 1}}, token());
}

WriteResult StoreTest::Batch(std::string_view field,
                             std::initializer_list<Operation> operations) {
  return store().Write({.form = Transaction::Form::kBatch,
                        .batch_field = field,
                        .on_success = operations},
                       token());
}

WriteResult StoreTest::Transact(std::initializer_list<Operation> on_success) {
  return Transact({}, on_success, {});
}

WriteResult StoreTest::Transact(std::initializer_list<Compare> compares,
                                std::initializer_list<Operation> on_success,
                                std::initializer_list<Operation> on_failure) {
  return store().Write({.form = Transaction::Form::kTransact,
                        .compares = compares,
                        .on_success = on_success,
                        .on_failure = on_failure},
                       token());
}

EntryView StoreTest::Look(std::string_view key) {
  const absl::StatusOr<GetResult> got = store().Get({.key = key}, token());
  EXPECT_TRUE(got.ok()) << got.status();
  return got.ok() ? got->found : EntryView{};
}

uint64_t StoreTest::VersionOf(std::string_view key) {
  const EntryView view = Look(key);
  EXPECT_TRUE(view.entry) << key << " is missing";
  return view.entry ? view.entry->version() : kNoVersion;
}

UnixNanos StoreTest::ExpiryOf(std::string_view key) {
  const EntryView view = Look(key);
  EXPECT_TRUE(view.entry) << key << " is missing";
  return view.expire_time;
}

uint32_t StoreTest::FlagsOf(std::string_view key) {
  const EntryView view = Look(key);
  EXPECT_TRUE(view.entry) << key << " is missing";
  return view.entry ? view.entry->flags() : 0;
}

void StoreTest::ExpectValue(std::string_view key, std::string_view value) {
  const EntryView view = Look(key);
  ASSERT_TRUE(view.entry) << key << " is missing";
  EXPECT_EQ(view.entry->key(), key);
  EXPECT_EQ(view.entry->value(), value) << "of " << key;
}

void StoreTest::ExpectMissing(std::string_view key) {
  const EntryView view = Look(key);
  EXPECT_FALSE(view.entry) << key << " holds " << view.entry->value();
}

}  // namespace latchkey
