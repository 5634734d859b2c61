#include "server/store/transaction_runner.h"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "server/base/error.h"
#include "server/base/mutant.h"
#include "server/base/string_view.h"
#include "server/store/rules.h"

namespace latchkey {
namespace {

// How the request calls the operation, by Operation's alternatives.
constexpr const char* kOperationFields[] = {
    "get", "put", "delete", "increment", "touch", "move", "transfer"};

constexpr std::string_view kExpirationField = "expiration";

// The keys of an operation; the second is empty where there is one only.
struct Keys {
  std::string_view first;
  std::string_view second;
};

template <typename OneKey>
Keys KeysOf(const OneKey& operation) {
  return {operation.key, {}};
}
Keys KeysOf(const MoveOperation& move) {
  return {move.source_key, move.destination_key};
}
Keys KeysOf(const TransferOperation& transfer) {
  return {transfer.source_key, transfer.destination_key};
}

// Nobody's where there is no limit for them, so that entries need not say whose
// they are.
uint32_t OwnerOf(const PrincipalAccount* account) {
  return account != nullptr && account->bytes().is_set() ? account->number()
                                                         : kNoAccount;
}

}  // namespace

TransactionRunner::TransactionRunner(const Transaction& transaction,
                                     WorkingSet& copies)
    : transaction_(transaction),
      copies_(copies),
      owner_(OwnerOf(transaction.account)) {
  for (const Compare& compare : transaction.compares) {
    compared_.push_back(copies_.Add(compare.key));
  }
  on_success_ = MakeSteps(transaction.on_success);
  on_failure_ = MakeSteps(transaction.on_failure);
}

TransactionRunner::Steps TransactionRunner::MakeSteps(
    std::span<const Operation> operations) {
  Steps steps;
  steps.reserve(operations.size());
  for (const Operation& operation : operations) {
    const Keys keys =
        std::visit([](const auto& kind) { return KeysOf(kind); }, operation);
    Step step = {&operation, copies_.Add(keys.first), 0, EntryRef()};
    if (!keys.second.empty()) step.second = copies_.Add(keys.second);
    Count(step);
    steps.push_back(std::move(step));
  }
  return steps;
}

void TransactionRunner::Count(const Step& step) {
  const Operation& operation = *step.operation;
  const auto counter_bytes = [this](std::string_view key) {
    return Entry::BytesOf(key.size(), kCounterTextMax, true,
                          owner_ != kNoAccount);
  };
  if (const auto* put = std::get_if<PutOperation>(&operation)) {
    const size_t bytes =
        Entry::BytesOf(put->key, put->value, put->flags, owner_);
    put_bytes_ += bytes;
    put_bytes_largest_ = std::max(put_bytes_largest_, bytes);
    answers_ += put->return_previous ? 1 : 0;
    copies_.MayPut(step.first);
  } else if (const auto* sum = std::get_if<IncrementOperation>(&operation)) {
    counter_bytes_ += counter_bytes(sum->key);
    copies_.MayPut(step.first);
  } else if (const auto* transfer =
                 std::get_if<TransferOperation>(&operation)) {
    counter_bytes_ += counter_bytes(transfer->source_key) +
                      counter_bytes(transfer->destination_key);
    copies_.MayPut(step.first);
    copies_.MayPut(step.second);
  } else if (const auto* del = std::get_if<DeleteOperation>(&operation)) {
    answers_ += del->return_previous ? 1 : 0;
  } else if (const auto* move = std::get_if<MoveOperation>(&operation)) {
    ++moves_;
    moved_key_bytes_ += move->destination_key.size();
    copies_.MayPut(step.second);
  } else if (std::holds_alternative<GetOperation>(operation)) {
    ++answers_;
  }
}

void TransactionRunner::Prepare(MemoryRoom& room) {
  for (Steps* steps : {&on_success_, &on_failure_}) {
    for (Step& step : *steps) {
      const auto* put = std::get_if<PutOperation>(step.operation);
      if (put == nullptr) continue;
      step.prepared =
          Entry::Make(put->key, put->value, put->flags, kNever, &room, owner_);
    }
  }
}

size_t TransactionRunner::LargestBytes() const {
  // A moved entry has another key than the one it is made of, and may have an
  // owner.
  return Entry::AllocatedBytes(
      std::max({put_bytes_largest_, counter_bytes_, copies_.LargestBytes()}) +
      moved_key_bytes_ + (owner_ == kNoAccount ? 0 : Entry::kExtraSizeMax));
}

size_t TransactionRunner::BytesToRun() const {
  return counter_bytes_ + (moves_ == 0 ? 0 : moves_ * LargestBytes());
}

size_t TransactionRunner::BytesToAnswer(size_t result_bytes_max) const {
  if (answers_ == 0) return 0;
  return std::min(
      answers_ * LargestBytes(),
      result_bytes_max + answers_ * Entry::BytesOf(0, 0, true, true));
}

absl::Status TransactionRunner::Run(UnixNanos now, size_t result_bytes_max,
                                    MemoryRoom& room,
                                    TransactionResult* result) {
  now_ = now;
  room_ = &room;
  budget_ = ResultBudget(result_bytes_max);
  for (size_t i = 0; i < compared_.size() && result->succeeded; ++i) {
    result->succeeded =
        Holds(transaction_.compares[i].precondition, copies_[compared_[i]]);
  }
  return RunSteps(result->succeeded ? on_success_ : on_failure_, result);
}

absl::Status TransactionRunner::RunSteps(Steps& steps,
                                         TransactionResult* result) {
  for (size_t i = 0; i < steps.size(); ++i) {
    absl::StatusOr<OperationResult> answer = RunStep(steps[i]);
    if (!answer.ok()) {
      return NameOperation(answer.status(), i, result->succeeded);
    }
    result->results.push_back(*std::move(answer));
  }
  return absl::OkStatus();
}

absl::StatusOr<OperationResult> TransactionRunner::RunStep(Step& step) {
  return std::visit(
      [&](const auto& operation) -> absl::StatusOr<OperationResult> {
        auto answer = Apply(operation, step);
        if (!answer.ok()) return answer.status();
        return OperationResult(*std::move(answer));
      },
      *step.operation);
}

absl::Status TransactionRunner::NameOperation(const absl::Status& error,
                                              size_t index,
                                              bool succeeded) const {
  if (transaction_.form == Transaction::Form::kSingle) return error;
  std::string prefix;
  if (transaction_.form == Transaction::Form::kBatch) {
    prefix = absl::StrCat(ToAbsl(transaction_.batch_field), "[", index, "].");
  } else {
    const auto& list =
        succeeded ? transaction_.on_success : transaction_.on_failure;
    prefix = absl::StrCat(succeeded ? "on_success[" : "on_failure[", index,
                          "].", kOperationFields[list[index].index()], ".");
  }
  return WithMetadata(WithFieldPrefix(error, prefix), "index",
                      std::to_string(index));
}

absl::StatusOr<GetResult> TransactionRunner::Apply(const GetOperation& get,
                                                   Step& step) {
  WorkingCopy& copy = copies_[step.first];
  GetResult result;
  if (get.touch.has_value()) {
    absl::StatusOr<UnixNanos> expire_time =
        ResolveExpiration(*get.touch, now_, copy.expire_time(), "touch");
    if (!expire_time.ok()) return expire_time.status();
    if (copy.entry() == nullptr) return result;
    copy.SetExpireTime(*expire_time);
    result.touched_expire_time = *expire_time;
  }
  if (copy.entry() == nullptr) return result;
  result.not_modified = get.if_version_not != kNoVersion &&
                        copy.entry()->version() == get.if_version_not;
  if (result.not_modified) return result;
  if (absl::Status s = budget_.Take(copy.entry()); !s.ok()) return s;
  result.found = copy.view();
  return result;
}

absl::StatusOr<PutResult> TransactionRunner::Apply(const PutOperation& put,
                                                   Step& step) {
  WorkingCopy& copy = copies_[step.first];
  absl::StatusOr<UnixNanos> expire_time = ResolveExpiration(
      put.expiration, now_, copy.expire_time(), kExpirationField);
  if (!expire_time.ok()) return expire_time.status();
  if (put.lease != kNoLease && put.lease != copy.lease()) {
    return LeaseLostError();
  }
  if (absl::Status s = CheckPrecondition(put.precondition, copy); !s.ok()) {
    return s;
  }
  PutResult result = {.expire_time = *expire_time, .previous = {}};
  if (put.return_previous) {
    if (absl::Status s = budget_.Take(copy.entry()); !s.ok()) return s;
    result.previous = copy.view();
  }
  copy.Set(std::move(step.prepared), *expire_time);
  return result;
}

absl::StatusOr<DeleteResult> TransactionRunner::Apply(
    const DeleteOperation& del, Step& step) {
  WorkingCopy& copy = copies_[step.first];
  if (absl::Status s = CheckPrecondition(del.precondition, copy); !s.ok()) {
    return s;
  }
  DeleteResult result;
  if (copy.entry() == nullptr) {
    copy.EndLease();
    return result;
  }
  result.deleted = true;
  if (del.return_previous) {
    if (absl::Status s = budget_.Take(copy.entry()); !s.ok()) return s;
    result.previous = copy.view();
  }
  copy.Remove();
  return result;
}

absl::StatusOr<IncrementResult> TransactionRunner::Apply(
    const IncrementOperation& increment, Step& step) {
  WorkingCopy& copy = copies_[step.first];
  absl::StatusOr<UnixNanos> expire_time = ResolveExpiration(
      increment.expiration, now_, copy.expire_time(), kExpirationField);
  if (!expire_time.ok()) return expire_time.status();
  if (copy.entry() == nullptr && !increment.initial.has_value()) {
    return KeyNotFoundError("counter");
  }
  absl::StatusOr<int64_t> counter = copy.entry() == nullptr
                                        ? *increment.initial
                                        : ParseCounter(*copy.entry());
  if (!counter.ok()) return counter.status();
  absl::StatusOr<int64_t> sum =
      AddWithin(*counter, increment.delta, increment.min, increment.max);
  if (!sum.ok()) return sum.status();
  copy.Set(MakeCounter(copy, *sum, *room_, owner_), *expire_time);
  return IncrementResult{.value = *sum};
}

absl::StatusOr<TouchResult> TransactionRunner::Apply(
    const TouchOperation& touch, Step& step) {
  WorkingCopy& copy = copies_[step.first];
  absl::StatusOr<UnixNanos> expire_time = ResolveExpiration(
      touch.expiration, now_, copy.expire_time(), kExpirationField);
  if (!expire_time.ok()) return expire_time.status();
  if (copy.entry() == nullptr) return TouchResult{};
  copy.SetExpireTime(*expire_time);
  return TouchResult{.touched = true, .expire_time = *expire_time};
}

absl::StatusOr<MoveResult> TransactionRunner::Apply(const MoveOperation& move,
                                                    Step& step) {
  WorkingCopy& source = copies_[step.first];
  WorkingCopy& destination = copies_[step.second];
  absl::Status s = CheckPrecondition(move.source_precondition, source);
  if (!s.ok()) return s;
  if (source.entry() == nullptr) return KeyNotFoundError("source");
  s = CheckPrecondition(move.destination_precondition, destination);
  if (!s.ok()) return s;
  if (destination.entry() != nullptr && !move.overwrite) {
    return KeyExistsError(destination);
  }
  const Entry& entry = *source.entry();
  const UnixNanos expire_time = source.expire_time();
  destination.Set(Entry::Make(destination.key(), entry.value(), entry.flags(),
                              kNever, room_, owner_),
                  expire_time);
  if (!MutantActive(Mutant::kHalfAMove)) source.Remove();
  return MoveResult{.expire_time = expire_time};
}

absl::StatusOr<TransferResult> TransactionRunner::Apply(
    const TransferOperation& transfer, Step& step) {
  WorkingCopy& source = copies_[step.first];
  WorkingCopy& destination = copies_[step.second];
  if (source.entry() == nullptr) return KeyNotFoundError("source");
  if (destination.entry() == nullptr && !transfer.create_destination) {
    return KeyNotFoundError("destination");
  }
  absl::StatusOr<int64_t> from = ParseCounter(*source.entry());
  if (!from.ok()) return from.status();
  absl::StatusOr<int64_t> to = destination.entry() == nullptr
                                   ? int64_t{0}
                                   : ParseCounter(*destination.entry());
  if (!to.ok()) return to.status();
  from = AddWithin(*from, -transfer.amount, transfer.source_min, INT64_MAX);
  if (!from.ok()) return from.status();
  to = AddWithin(*to, transfer.amount, INT64_MIN, INT64_MAX);
  if (!to.ok()) return to.status();
  source.Set(MakeCounter(source, *from, *room_, owner_), source.expire_time());
  destination.Set(MakeCounter(destination, *to, *room_, owner_),
                  destination.expire_time());
  return TransferResult{.source_value = *from, .destination_value = *to};
}

}  // namespace latchkey
