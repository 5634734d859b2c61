#include "client/load/transfer_workload.h"

#include <algorithm>
#include <string>

#include "client/load/batch_cursor.h"

namespace latchkey::load {
namespace {

bool SurelyNotApplied(const client::CallError& error) {
  const auto applied = error.metadata.find("applied");
  return applied != error.metadata.end() && applied->second == "no";
}

}  // namespace

TransferWorkload::TransferWorkload(const TransferShared& shared, uint64_t seed,
                                   uint32_t stream, size_t slots)
    : shared_(shared), random_(seed, stream), slots_(slots) {}

std::optional<Call> TransferWorkload::Begin(size_t slot) {
  const Mix& mix = shared_.mix;
  const bool read =
      random_.Below(mix.read_weight + mix.write_weight) < mix.read_weight;
  return read ? AtomicRead(&slots_[slot]) : Transfer(&slots_[slot]);
}

Call TransferWorkload::Transfer(Slot* slot) {
  const uint64_t accounts = shared_.book.size();
  slot->kind = OperationKind::kTransfer;
  slot->source = shared_.chooser.Choose(random_);
  slot->destination = shared_.chooser.Choose(random_);
  if (slot->destination == slot->source) {
    slot->destination =
        (slot->source + 1 + random_.Below(accounts - 1)) % accounts;
  }
  slot->amount = 1 + static_cast<int64_t>(random_.Below(kTransferAmountMax));

  const KeyNames& names = shared_.book.names();
  transfer_.set_source_key(names.Name(slot->source));
  transfer_.set_destination_key(names.Name(slot->destination));
  transfer_.set_amount(static_cast<uint64_t>(slot->amount));
  return {Method::kTransfer, &transfer_};
}

Call TransferWorkload::AtomicRead(Slot* slot) {
  const uint64_t accounts = shared_.book.size();
  slot->kind = OperationKind::kAtomicRead;
  slot->first = random_.Below(accounts);
  slot->floors.clear();
  read_.clear_keys();
  read_.set_atomic(true);
  for (uint64_t i = 0; i < std::min(accounts, kBatchKeysMax); ++i) {
    const uint64_t account = (slot->first + i) % accounts;
    slot->floors.push_back(shared_.book.floors().At(account));
    read_.add_keys(shared_.book.names().Name(account));
  }
  return {Method::kBatchGet, &read_};
}

Step TransferWorkload::Continue(size_t slot, const Completion& completion,
                                Tally& tally) {
  const Slot& state = slots_[slot];
  return state.kind == OperationKind::kTransfer
             ? ContinueTransfer(state, completion, tally)
             : ContinueAtomicRead(state, completion, tally);
}

Step TransferWorkload::ContinueTransfer(const Slot& slot,
                                        const Completion& completion,
                                        Tally& tally) {
  if (completion.error != nullptr) {
    if (completion.error->reason == "COUNTER_LIMIT") {
      ++tally.refused_transfers;
      return EndOf(slot.kind, true);
    }
    if (!SurelyNotApplied(*completion.error)) shared_.book.MaybeMoved();
    tally.CountError(*completion.error);
    return EndOf(slot.kind, false);
  }
  const std::string route = shared_.book.names().Name(slot.source) + " to " +
                            shared_.book.names().Name(slot.destination);
  if (!ParseResponse(completion, &transfer_response_)) {
    shared_.book.MaybeMoved();
    tally.CountFailure("answer that is no message", route);
    return EndOf(slot.kind, false);
  }
  if (transfer_response_.source_value() < 0 ||
      transfer_response_.destination_value() < slot.amount) {
    tally.CountFailure("impossible balance after a transfer", route);
  }
  shared_.book.Moved(slot.source, slot.destination, slot.amount);
  shared_.book.floors().Raise(slot.source, transfer_response_.version());
  shared_.book.floors().Raise(slot.destination, transfer_response_.version());
  return EndOf(slot.kind, true);
}

Step TransferWorkload::ContinueAtomicRead(const Slot& slot,
                                          const Completion& completion,
                                          Tally& tally) {
  if (completion.error != nullptr) {
    tally.CountError(*completion.error);
    return EndOf(slot.kind, false);
  }
  if (!ParseResponse(completion, &read_response_) ||
      static_cast<size_t>(read_response_.results_size()) !=
          slot.floors.size()) {
    tally.CountFailure("answer that does not fit its BatchGet",
                       shared_.book.names().Name(slot.first));
    return EndOf(slot.kind, false);
  }
  bool complete = slot.floors.size() == shared_.book.size();
  int64_t total = 0;
  for (size_t i = 0; i < slot.floors.size(); ++i) {
    const auto account = shared_.book.CheckAccount(
        (slot.first + i) % shared_.book.size(), slot.floors[i],
        read_response_.results(static_cast<int>(i)), tally);
    complete = complete && account.has_value();
    if (account) total += account->balance;
  }
  if (complete) shared_.book.CheckTotal(total, "in an atomic read", tally);
  return EndOf(slot.kind, true);
}

}  // namespace latchkey::load
