#include "tests/server/store/random_transactions.h"

#include <algorithm>
#include <cstdint>
#include <set>

namespace latchkey {
namespace {

constexpr uint64_t kOperationsMax = 5;

// Mostly small counters, some at the ends of their range, some none.
constexpr std::string_view kValues[] = {"0",
                                        "1",
                                        "2",
                                        "10",
                                        "10",
                                        "25",
                                        "-1",
                                        "-7",
                                        "007",
                                        "9223372036854775807",
                                        "-9223372036854775808",
                                        "",
                                        "text",
                                        "9223372036854775808"};

}  // namespace

std::string_view RandomTransactions::OtherKey(std::string_view than) {
  std::string_view key = Key();
  while (key == than) key = Key();
  return key;
}

std::string_view RandomTransactions::Value() {
  return kValues[Draw(std::size(kValues))];
}

Precondition RandomTransactions::Demand(std::string_view key) {
  using Kind = Precondition::Kind;
  switch (Draw(10)) {
    case 0:
      return {.kind = Kind::kExists};
    case 1:
      return {.kind = Kind::kMissing};
    case 2: {
      const EntryRef entry = peek_(key);
      const uint64_t version = entry ? entry->version() : 1;
      return {.kind = Kind::kVersion,
              .version = OneIn(3) ? version - 1 + (version == 1) : version};
    }
    case 3: {
      const EntryRef entry = peek_(key);
      if (!entry || OneIn(3)) return {.kind = Kind::kValue, .value = Value()};
      values_.emplace_back(entry->value());
      return {.kind = Kind::kValue, .value = values_.back()};
    }
    default:
      return {};
  }
}

Expiration RandomTransactions::When() {
  using Kind = Expiration::Kind;
  switch (Draw(8)) {
    case 0:
    case 1:
    case 2:
      return {.kind = Kind::kTtl,
              .ttl = static_cast<Nanos>(1 + Draw(8)) * kNanosPerMilli};
    case 3:
      return {.kind = Kind::kAt,
              .at = now_ + static_cast<Nanos>(Draw(10)) * kNanosPerMilli -
                    kNanosPerMilli};
    case 4:
    case 5:
      return {.kind = Kind::kKeep};
    default:
      return {};
  }
}

PutOperation RandomTransactions::Put(std::string_view key) {
  return {.key = key,
          .value = Value(),
          .expiration = When(),
          .precondition = Demand(key),
          .flags = static_cast<uint32_t>(Draw(4)),
          .return_previous = OneIn(2)};
}

DeleteOperation RandomTransactions::Delete(std::string_view key) {
  return {.key = key, .precondition = Demand(key), .return_previous = OneIn(2)};
}

IncrementOperation RandomTransactions::Increment() {
  IncrementOperation increment = {.key = Key(),
                                  .delta = static_cast<int64_t>(Draw(21)) - 10};
  if (OneIn(2)) increment.initial = static_cast<int64_t>(Draw(10));
  if (OneIn(3)) increment.min = -5;
  if (OneIn(3)) increment.max = 20;
  if (OneIn(3)) increment.expiration = When();
  if (OneIn(20)) increment.delta = OneIn(2) ? INT64_MAX : INT64_MIN;
  return increment;
}

MoveOperation RandomTransactions::Move() {
  const std::string_view source = Key();
  const std::string_view destination = OtherKey(source);
  return {.source_key = source,
          .destination_key = destination,
          .overwrite = OneIn(2),
          .source_precondition = Demand(source),
          .destination_precondition = Demand(destination)};
}

TransferOperation RandomTransactions::Transfer() {
  const std::string_view source = Key();
  TransferOperation transfer = {.source_key = source,
                                .destination_key = OtherKey(source),
                                .amount = static_cast<int64_t>(1 + Draw(10)),
                                .create_destination = OneIn(2)};
  if (OneIn(4)) transfer.source_min = static_cast<int64_t>(Draw(20)) - 15;
  if (OneIn(10)) transfer.source_min = INT64_MIN;
  if (OneIn(20)) transfer.amount = INT64_MAX;
  return transfer;
}

GetOperation RandomTransactions::NextGet() {
  GetOperation get = {.key = Key()};
  if (OneIn(3)) {
    const EntryRef entry = peek_(get.key);
    get.if_version_not = entry ? entry->version() - Draw(2) : 1;
  }
  return get;
}

Operation RandomTransactions::Any() {
  switch (Draw(10)) {
    case 0: {
      GetOperation get = NextGet();
      if (OneIn(2)) get.touch = When();
      return get;
    }
    case 1:
    case 2:
    case 3:
      return Put(Key());
    case 4:
      return Delete(Key());
    case 5:
    case 6:
      return Increment();
    case 7:
      return TouchOperation{.key = Key(), .expiration = When()};
    case 8:
      return Move();
    default:
      return Transfer();
  }
}

std::vector<Operation> RandomTransactions::Some() {
  std::vector<Operation> operations;
  for (uint64_t count = Draw(kOperationsMax + 1); count > 0; --count) {
    operations.push_back(Any());
  }
  return operations;
}

OwnedTransaction RandomTransactions::Batch() {
  const bool puts = OneIn(2);
  OwnedTransaction batch = {.form = Transaction::Form::kBatch,
                            .batch_field = puts ? "puts" : "deletes"};
  std::set<std::string_view> keys;
  for (uint64_t count = 1 + Draw(kOperationsMax); count > 0; --count) {
    keys.insert(Key());
  }
  for (const std::string_view key : keys) {
    if (puts) {
      batch.on_success.push_back(Put(key));
    } else {
      batch.on_success.push_back(Delete(key));
    }
  }
  return batch;
}

OwnedTransaction RandomTransactions::Next(UnixNanos now) {
  now_ = now;
  switch (Draw(4)) {
    case 0:
      return Batch();
    case 1: {
      OwnedTransaction transaction = {.form = Transaction::Form::kTransact};
      for (uint64_t count = Draw(3); count > 0; --count) {
        const std::string_view key = Key();
        transaction.compares.push_back({key, Demand(key)});
      }
      transaction.on_success = Some();
      transaction.on_failure = Some();
      return transaction;
    }
    default:
      return {.on_success = {Any()}};
  }
}

std::vector<std::string_view> RandomTransactions::NextKeys(size_t count_max) {
  std::vector<std::string_view> keys;
  for (uint64_t count = Draw(count_max + 1); count > 0; --count) {
    keys.push_back(Key());
  }
  return keys;
}

Nanos RandomTransactions::NextPause() {
  return static_cast<Nanos>(Draw(4)) * kNanosPerMilli + (OneIn(4) ? 1 : 0);
}

}  // namespace latchkey
