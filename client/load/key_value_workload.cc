#include "client/load/key_value_workload.h"

#include <string>

namespace latchkey::load {
namespace {

// Streams below this are for drawing operations, those above for values.
constexpr uint64_t kValueStreams = uint64_t{1} << 32;

bool IsConflict(const client::CallError& error) {
  return error.reason == "PRECONDITION_FAILED" || error.reason == "KEY_EXISTS";
}

}  // namespace

PutMaker::PutMaker(const KeyValueShared& shared, uint64_t seed, uint32_t stream)
    : shared_(shared), random_(seed, kValueStreams + stream), stream_(stream) {}

void PutMaker::Make(uint64_t key_index, v1::PutRequest* put) {
  const SizeRange& range = shared_.value_bytes;
  const size_t size = range.min + random_.Below(range.max - range.min + 1);
  const WriteId id = {.key_index = key_index,
                      .write_number = stream_ << 40 | writes_++};
  put->set_key(shared_.names.Name(key_index));
  shared_.codec.Encode(id, size, put->mutable_value());
  put->clear_precondition();
  if (shared_.ttl > 0) {
    auto* ttl = put->mutable_expiration()->mutable_ttl();
    ttl->set_seconds(shared_.ttl / kNanosPerSecond);
    ttl->set_nanos(static_cast<int32_t>(shared_.ttl % kNanosPerSecond));
  }
}

KeyValueWorkload::KeyValueWorkload(const KeyValueShared& shared, uint64_t seed,
                                   uint32_t stream, size_t slots)
    : shared_(shared),
      random_(seed, stream),
      puts_(shared, seed, stream),
      slots_(slots) {}

std::optional<Call> KeyValueWorkload::Begin(size_t slot) {
  const Mix& mix = shared_.mix;
  const bool read =
      random_.Below(mix.read_weight + mix.write_weight) < mix.read_weight;
  Slot& state = slots_[slot];
  state = {.key_index = shared_.chooser.Choose(random_)};
  if (read) return Read(&state);
  if (mix.write == WriteKind::kReadModifyWrite) {
    state.kind = OperationKind::kReadModifyWrite;
    return Read(&state);
  }
  state.kind = OperationKind::kPut;
  return Write(&state);
}

Step KeyValueWorkload::Continue(size_t slot, const Completion& completion,
                                Tally& tally) {
  Slot& state = slots_[slot];
  return state.reading ? ContinueRead(&state, completion, tally)
                       : ContinueWrite(&state, completion, tally);
}

Call KeyValueWorkload::Read(Slot* slot) {
  slot->reading = true;
  slot->floor = shared_.floors.At(slot->key_index);
  get_.set_key(shared_.names.Name(slot->key_index));
  return {Method::kGet, &get_};
}

Call KeyValueWorkload::Write(Slot* slot) {
  slot->reading = false;
  puts_.Make(slot->key_index, &put_);
  return {Method::kPut, &put_};
}

Call KeyValueWorkload::WriteBack(Slot* slot) {
  const Call call = Write(slot);
  if (get_response_.has_entry()) {
    put_.mutable_precondition()->set_version(get_response_.entry().version());
  } else {
    put_.mutable_precondition()->set_exists(false);
  }
  return call;
}

Step KeyValueWorkload::ContinueRead(Slot* slot, const Completion& completion,
                                    Tally& tally) {
  if (completion.error != nullptr) {
    tally.CountError(*completion.error);
    return EndOf(slot->kind, false);
  }
  if (!ParseResponse(completion, &get_response_)) {
    tally.CountFailure("answer that is no message", get_.key());
    return EndOf(slot->kind, false);
  }
  Verify(*slot, tally);
  if (slot->kind != OperationKind::kReadModifyWrite) {
    return EndOf(slot->kind, true);
  }
  return Next(WriteBack(slot));
}

Step KeyValueWorkload::ContinueWrite(Slot* slot, const Completion& completion,
                                     Tally& tally) {
  if (completion.error != nullptr) {
    if (slot->kind == OperationKind::kReadModifyWrite &&
        IsConflict(*completion.error)) {
      ++tally.conflicts;
      if (++slot->conflicts <= kConflictsMax) return Next(Read(slot));
    }
    tally.CountError(*completion.error);
    return EndOf(slot->kind, false);
  }
  if (!ParseResponse(completion, &put_response_)) {
    tally.CountFailure("answer that is no message",
                       shared_.names.Name(slot->key_index));
    return EndOf(slot->kind, false);
  }
  shared_.floors.Raise(slot->key_index, put_response_.version());
  return EndOf(slot->kind, true);
}

void KeyValueWorkload::Verify(const Slot& slot, Tally& tally) {
  const std::string key = shared_.names.Name(slot.key_index);
  if (!get_response_.has_entry()) {
    ++tally.misses;
    if (shared_.ttl == 0) tally.CountFailure("missing entry", key);
    return;
  }
  ++tally.values_verified;
  const v1::Entry& entry = get_response_.entry();
  if (entry.key() != key) {
    tally.CountFailure("entry of another key", key);
    return;
  }
  const ValueVerdict verdict =
      shared_.codec.Verify(entry.value(), slot.key_index);
  if (verdict != ValueVerdict::kGood) {
    tally.CountFailure(ValueVerdictName(verdict), key);
    return;
  }
  if (entry.version() < slot.floor) {
    tally.CountFailure("lost write",
                       key + ": version " + std::to_string(entry.version()) +
                           " after " + std::to_string(slot.floor));
    return;
  }
  shared_.floors.Raise(slot.key_index, entry.version());
}

}  // namespace latchkey::load
