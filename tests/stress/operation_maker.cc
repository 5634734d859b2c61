#include "tests/stress/operation_maker.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "latchkey/v1/cache.pb.h"

namespace latchkey::stress {
namespace {

using verify::LogAppend;
using verify::Method;

// Few, so that operations meet.
constexpr size_t kRegisters = 8;
constexpr size_t kRegistersNotMovedTo = 4;
constexpr size_t kCounters = 4;

std::string RegisterName(size_t index) { return absl::StrCat("r", index); }
std::string CounterName(size_t index) { return absl::StrCat("c", index); }

void AddAppend(const LogAppend& append, v1::IncrementRequest* increment) {
  increment->set_key(std::string(append.key));
  increment->set_delta(append.delta);
  increment->set_initial(0);
}

}  // namespace

OperationMaker::OperationMaker(uint64_t seed, uint64_t life, size_t slots)
    : life_(absl::StrCat(life)),
      log_prefix_(absl::StrCat("log/", life, "/")),
      random_(seed * 1'000'003 + life) {
  for (size_t slot = 0; slot < slots; ++slot) {
    logs_.emplace_back(absl::StrCat(log_prefix_, slot, "/"));
  }
}

Operation OperationMaker::Next(size_t slot) {
  const size_t choice = Below(100);
  if (choice < 35) return AppendInTransaction(slot);
  if (choice < 55) return Append(slot);
  if (choice < 65) return PutRegister();
  if (choice < 70) return DeleteRegister();
  if (choice < 75) return MoveRegister();
  if (choice < 77) return IncrementCounter();
  if (choice < 80) return TransferAmount();
  // What was read counts when a kill comes before the end of the round.
  const std::string& log = logs_[slot].last;
  if (choice < 90 && !log.empty()) return ReadOf(log);
  if (choice < 97) return ReadOf(Register());
  return ReadAll();
}

std::vector<Operation> OperationMaker::FinalReads() {
  std::vector<Operation> reads;
  for (Log& log : logs_) {
    for (const std::string& key : log.names.TakeUsed()) {
      reads.push_back(ReadOf(key));
    }
    log.last.clear();
  }
  reads.push_back(ReadAll());
  return reads;
}

Operation OperationMaker::ReadOf(const std::string& key) {
  auto get = std::make_shared<v1::GetRequest>();
  get->set_key(key);
  return {.method = Method::kGet, .request = std::move(get)};
}

Operation OperationMaker::Append(size_t slot) {
  auto increment = std::make_shared<v1::IncrementRequest>();
  AddAppend(logs_[slot].names.Next(), increment.get());
  logs_[slot].last = increment->key();
  return Keyed(Method::kIncrement, std::move(increment));
}

Operation OperationMaker::AppendInTransaction(size_t slot) {
  auto transact = std::make_shared<v1::TransactRequest>();
  const LogAppend append = logs_[slot].names.Next();
  AddAppend(append, transact->add_on_success()->mutable_increment());
  logs_[slot].last = std::string(append.key);
  v1::PutRequest* put = transact->add_on_success()->mutable_put();
  put->set_key(Register());
  put->set_value(NewValue());
  put->set_return_previous(true);
  if (Below(4) == 0) {
    // It appends one way or the other.
    v1::Compare* compare = transact->add_compares();
    compare->set_key(Register());
    compare->mutable_precondition()->set_exists(Below(2) == 0);
    AddAppend(append, transact->add_on_failure()->mutable_increment());
    transact->add_on_failure()->mutable_get()->set_key(compare->key());
  }
  return Keyed(Method::kTransact, std::move(transact));
}

Operation OperationMaker::PutRegister() {
  auto put = std::make_shared<v1::PutRequest>();
  put->set_key(Register());
  put->set_value(NewValue());
  if (Below(3) == 0) put->mutable_precondition()->set_exists(Below(2) == 0);
  return Keyed(Method::kPut, std::move(put));
}

Operation OperationMaker::DeleteRegister() {
  auto remove = std::make_shared<v1::DeleteRequest>();
  remove->set_key(Register());
  remove->set_return_previous(true);
  return Keyed(Method::kDelete, std::move(remove));
}

Operation OperationMaker::MoveRegister() {
  auto move = std::make_shared<v1::MoveRequest>();
  // What a Move writes is not in its answer, so what one key holds can be told
  // from that key's events alone only where none moved to it.
  const size_t destination =
      kRegistersNotMovedTo + Below(kRegisters - kRegistersNotMovedTo);
  const size_t source = (destination + 1 + Below(kRegisters - 1)) % kRegisters;
  move->set_source_key(RegisterName(source));
  move->set_destination_key(RegisterName(destination));
  move->set_overwrite(Below(2) == 0);
  return Keyed(Method::kMove, std::move(move));
}

Operation OperationMaker::IncrementCounter() {
  auto increment = std::make_shared<v1::IncrementRequest>();
  increment->set_key(CounterName(Below(kCounters)));
  increment->set_delta(static_cast<int64_t>(Below(200)) - 100);
  increment->set_initial(0);
  return Keyed(Method::kIncrement, std::move(increment));
}

Operation OperationMaker::TransferAmount() {
  auto transfer = std::make_shared<v1::TransferRequest>();
  const size_t source = Below(kCounters);
  transfer->set_source_key(CounterName(source));
  transfer->set_destination_key(
      CounterName((source + 1 + Below(kCounters - 1)) % kCounters));
  transfer->set_amount(1 + Below(100));
  transfer->set_source_min(-1'000'000);
  transfer->set_create_destination(true);
  return Keyed(Method::kTransfer, std::move(transfer));
}

Operation OperationMaker::ReadAll() {
  auto read = std::make_shared<v1::BatchGetRequest>();
  read->set_atomic(true);
  for (size_t i = 0; i < kRegisters; ++i) read->add_keys(RegisterName(i));
  for (size_t i = 0; i < kCounters; ++i) read->add_keys(CounterName(i));
  return {.method = Method::kBatchGet, .request = std::move(read)};
}

template <typename Request>
Operation OperationMaker::Keyed(Method method,
                                std::shared_ptr<Request> request) {
  Operation operation = {.method = method,
                         .idempotency_key = absl::StrCat(life_, "-", ++made_)};
  request->set_idempotency_key(operation.idempotency_key);
  operation.request = std::move(request);
  return operation;
}

size_t OperationMaker::Below(size_t count) { return random_() % count; }

// The first ones more often than the others.
std::string OperationMaker::Register() {
  return RegisterName(Below(1 + Below(kRegisters)));
}

// Which no other write of the run writes.
std::string OperationMaker::NewValue() {
  return absl::StrCat(life_, "-", made_);
}

}  // namespace latchkey::stress
