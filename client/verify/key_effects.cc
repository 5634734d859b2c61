#include "client/verify/key_effects.h"

#include <algorithm>
#include <charconv>
#include <type_traits>
#include <utility>

namespace latchkey::verify {
namespace {

// Follows the operations of one event, each with its answer; null where the
// outcome is unknown.
class Folder {
 public:
  void Apply(const v1::GetRequest& get, const v1::GetResponse* answer);
  void Apply(const v1::PutRequest& put, const v1::PutResponse* answer);
  void Apply(const v1::DeleteRequest& del, const v1::DeleteResponse* answer);
  void Apply(const v1::IncrementRequest& increment,
             const v1::IncrementResponse* answer);
  void Apply(const v1::TouchRequest& touch, const v1::TouchResponse* answer);
  void Apply(const v1::MoveRequest& move, const v1::MoveResponse* answer);
  void Apply(const v1::TransferRequest& transfer,
             const v1::TransferResponse* answer);
  void Apply(const v1::BatchGetRequest& request,
             const v1::BatchGetResponse* answer);
  void Apply(const v1::BatchPutRequest& request,
             const v1::BatchPutResponse* answer);
  void Apply(const v1::BatchDeleteRequest& request,
             const v1::BatchDeleteResponse* answer);
  void Apply(const v1::TransactRequest& request,
             const v1::TransactResponse* answer);

  // One branch of a transaction.
  void ApplyAll(
      const google::protobuf::RepeatedPtrField<v1::Operation>& operations,
      const google::protobuf::RepeatedPtrField<v1::OperationResult>* answers);

  // A demand that held, or failed.
  void Held(const std::string& key, const v1::Precondition& precondition);
  void Failed(const std::string& key, const v1::Precondition& precondition);

  // What is known of a key before the event; says nothing where the event has
  // changed it already.
  void Exists(const std::string& key, bool exists);
  void Read(const std::string& key, KeyValue value);

  std::vector<KeyEffect> Take() { return std::move(effects_); }

 private:
  KeyEffect& Of(const std::string& key);
  void Write(const std::string& key, KeyValue value);
  void Add(const std::string& key, int64_t delta,
           std::optional<int64_t> initial, std::optional<int64_t> result);
  void ApplyOperation(const v1::Operation& operation,
                      const v1::OperationResult* answer);

  std::vector<KeyEffect> effects_;
};

KeyEffect& Folder::Of(const std::string& key) {
  for (KeyEffect& effect : effects_) {
    if (effect.key == key) return effect;
  }
  effects_.emplace_back().key = key;
  return effects_.back();
}

void Folder::Exists(const std::string& key, bool exists) {
  if (!exists) return Read(key, std::nullopt);
  KeyEffect& effect = Of(key);
  if (!effect.HasEffect() && !effect.read) effect.exists = true;
}

void Folder::Read(const std::string& key, KeyValue value) {
  KeyEffect& effect = Of(key);
  if (effect.HasEffect()) return;
  effect.exists.reset();
  effect.read = std::move(value);
}

void Folder::Write(const std::string& key, KeyValue value) {
  KeyEffect& effect = Of(key);
  effect.write = std::move(value);
  effect.opaque = false;
  effect.add.reset();
  effect.initial.reset();
  effect.result.reset();
}

void Folder::Add(const std::string& key, int64_t delta,
                 std::optional<int64_t> initial,
                 std::optional<int64_t> result) {
  KeyEffect& effect = Of(key);
  if (effect.write || effect.opaque) {
    // Over what this event has written itself.
    if (result) {
      Write(key, std::to_string(*result));
    } else {
      effect.opaque = true;
    }
    return;
  }
  if (!effect.add) effect.initial = initial;
  effect.add = effect.add.value_or(0) + delta;
  if (result) effect.result = std::to_string(*result);
}

void Folder::Held(const std::string& key,
                  const v1::Precondition& precondition) {
  switch (precondition.condition_case()) {
    case v1::Precondition::kExists:
      return Exists(key, precondition.exists());
    case v1::Precondition::kVersion:
      return Exists(key, true);
    case v1::Precondition::kValue:
      return Read(key, precondition.value());
    case v1::Precondition::CONDITION_NOT_SET:
      return;
  }
}

void Folder::Failed(const std::string& key,
                    const v1::Precondition& precondition) {
  if (precondition.condition_case() == v1::Precondition::kExists) {
    Exists(key, !precondition.exists());
  }
}

void Folder::Apply(const v1::GetRequest& get, const v1::GetResponse* answer) {
  if (answer == nullptr) return;
  if (answer->not_modified()) return Exists(get.key(), true);
  Read(get.key(),
       answer->has_entry() ? KeyValue(answer->entry().value()) : std::nullopt);
}

void Folder::Apply(const v1::PutRequest& put, const v1::PutResponse* answer) {
  Held(put.key(), put.precondition());
  if (answer != nullptr && put.return_previous()) {
    Read(put.key(), answer->has_previous()
                        ? KeyValue(answer->previous().value())
                        : std::nullopt);
  }
  Write(put.key(), put.value());
}

void Folder::Apply(const v1::DeleteRequest& del,
                   const v1::DeleteResponse* answer) {
  Held(del.key(), del.precondition());
  if (answer == nullptr) return Write(del.key(), std::nullopt);
  if (!answer->deleted()) return Read(del.key(), std::nullopt);
  Exists(del.key(), true);
  if (answer->has_previous()) Read(del.key(), answer->previous().value());
  Write(del.key(), std::nullopt);
}

void Folder::Apply(const v1::IncrementRequest& increment,
                   const v1::IncrementResponse* answer) {
  Add(increment.key(), increment.delta(),
      increment.has_initial() ? std::optional(increment.initial())
                              : std::nullopt,
      answer == nullptr ? std::nullopt : std::optional(answer->value()));
}

void Folder::Apply(const v1::TouchRequest& touch,
                   const v1::TouchResponse* answer) {
  if (answer != nullptr) Exists(touch.key(), answer->touched());
}

void Folder::Apply(const v1::MoveRequest& move,
                   const v1::MoveResponse* answer) {
  Held(move.source_key(), move.source_precondition());
  if (answer != nullptr) Exists(move.source_key(), true);
  Held(move.destination_key(), move.destination_precondition());
  if (answer != nullptr && !move.overwrite()) {
    Exists(move.destination_key(), false);
  }
  const KeyEffect source = Of(move.source_key());
  Write(move.source_key(), std::nullopt);
  if (source.write) {
    Write(move.destination_key(), *source.write);
  } else if (!source.HasEffect() && source.read) {
    Write(move.destination_key(), *source.read);
  } else if (source.result) {
    Write(move.destination_key(), *source.result);
  } else {
    Of(move.destination_key()).opaque = true;
  }
}

void Folder::Apply(const v1::TransferRequest& transfer,
                   const v1::TransferResponse* answer) {
  const auto amount = static_cast<int64_t>(transfer.amount());
  Add(transfer.source_key(), -amount, std::nullopt,
      answer == nullptr ? std::nullopt : std::optional(answer->source_value()));
  Add(transfer.destination_key(), amount,
      transfer.create_destination() ? std::optional<int64_t>(0) : std::nullopt,
      answer == nullptr ? std::nullopt
                        : std::optional(answer->destination_value()));
}

void Folder::Apply(const v1::BatchGetRequest& request,
                   const v1::BatchGetResponse* answer) {
  if (answer == nullptr) return;
  v1::GetRequest get;
  for (int i = 0; i < request.keys_size() && i < answer->results_size(); ++i) {
    get.set_key(request.keys(i));
    Apply(get, &answer->results(i));
  }
}

void Folder::Apply(const v1::BatchPutRequest& request,
                   const v1::BatchPutResponse* answer) {
  for (int i = 0; i < request.puts_size(); ++i) {
    const bool answered = answer != nullptr && i < answer->results_size();
    Apply(request.puts(i), answered ? &answer->results(i) : nullptr);
  }
}

void Folder::Apply(const v1::BatchDeleteRequest& request,
                   const v1::BatchDeleteResponse* answer) {
  for (int i = 0; i < request.deletes_size(); ++i) {
    const bool answered = answer != nullptr && i < answer->results_size();
    Apply(request.deletes(i), answered ? &answer->results(i) : nullptr);
  }
}

void Folder::Apply(const v1::TransactRequest& request,
                   const v1::TransactResponse* answer) {
  if (answer == nullptr) return;
  for (const v1::Compare& compare : request.compares()) {
    if (answer->succeeded()) {
      Held(compare.key(), compare.precondition());
    } else if (request.compares_size() == 1) {
      Failed(compare.key(), compare.precondition());
    }
  }
  ApplyAll(answer->succeeded() ? request.on_success() : request.on_failure(),
           &answer->results());
}

void Folder::ApplyAll(
    const google::protobuf::RepeatedPtrField<v1::Operation>& operations,
    const google::protobuf::RepeatedPtrField<v1::OperationResult>* answers) {
  for (int i = 0; i < operations.size(); ++i) {
    const bool answered = answers != nullptr && i < answers->size();
    ApplyOperation(operations[i], answered ? &(*answers)[i] : nullptr);
  }
}

void Folder::ApplyOperation(const v1::Operation& operation,
                            const v1::OperationResult* answer) {
  switch (operation.kind_case()) {
    case v1::Operation::kGet:
      return Apply(operation.get(), answer ? &answer->get() : nullptr);
    case v1::Operation::kPut:
      return Apply(operation.put(), answer ? &answer->put() : nullptr);
    case v1::Operation::kDelete:
      return Apply(operation.delete_(), answer ? &answer->delete_() : nullptr);
    case v1::Operation::kIncrement:
      return Apply(operation.increment(),
                   answer ? &answer->increment() : nullptr);
    case v1::Operation::kTouch:
      return Apply(operation.touch(), answer ? &answer->touch() : nullptr);
    case v1::Operation::kMove:
      return Apply(operation.move(), answer ? &answer->move() : nullptr);
    case v1::Operation::kTransfer:
      return Apply(operation.transfer(),
                   answer ? &answer->transfer() : nullptr);
    case v1::Operation::KIND_NOT_SET:
      return;
  }
}

// What a refusal says of the keys, where it is sure which of them it means.
class Refusal {
 public:
  Refusal(const EventError& error, Folder* folder)
      : error_(error), folder_(*folder) {}

  void Explain(const v1::PutRequest& put) { ExplainPrecondition(put.key()); }
  void Explain(const v1::DeleteRequest& del) { ExplainPrecondition(del.key()); }
  void Explain(const v1::IncrementRequest& increment) {
    if (error_.reason == "KEY_NOT_FOUND")
      folder_.Exists(increment.key(), false);
    if (error_.reason == "NOT_A_COUNTER") folder_.Exists(increment.key(), true);
  }
  void Explain(const v1::MoveRequest& move) {
    if (error_.reason == "KEY_NOT_FOUND") {
      folder_.Exists(move.source_key(), false);
    }
  }
  void Explain(const v1::TransferRequest& transfer) {
    if (error_.reason == "KEY_NOT_FOUND" && transfer.create_destination()) {
      folder_.Exists(transfer.source_key(), false);
    }
  }
  void Explain(const v1::BatchPutRequest& request) {
    ExplainBatch(request.puts());
  }
  void Explain(const v1::BatchDeleteRequest& request) {
    ExplainBatch(request.deletes());
  }
  // Inside a transaction the state is its own, and a read is never refused.
  template <typename Other>
  void Explain(const Other& /*request*/) {}

 private:
  void ExplainPrecondition(const std::string& key) {
    if (error_.reason == "KEY_EXISTS") return folder_.Exists(key, true);
    const auto version = error_.metadata.find("current_version");
    if (error_.reason != "PRECONDITION_FAILED" ||
        version == error_.metadata.end()) {
      return;
    }
    folder_.Exists(key, version->second != "0");
  }

  template <typename Requests>
  void ExplainBatch(const Requests& requests) {
    const auto index = error_.metadata.find("index");
    if (index == error_.metadata.end()) return;
    const std::string& text = index->second;
    int number = -1;
    std::from_chars(text.data(), text.data() + text.size(), number);
    if (number >= 0 && number < requests.size()) Explain(requests[number]);
  }

  const EventError& error_;
  Folder& folder_;
};

std::vector<KeyEffect> EffectsOnly(std::vector<KeyEffect> effects) {
  std::erase_if(effects,
                [](const KeyEffect& effect) { return !effect.HasEffect(); });
  return effects;
}

// Either branch may have run, each under its own conditions.
std::vector<KeyEffect> UnknownEffects(const v1::TransactRequest& request) {
  std::vector<KeyEffect> all;
  for (const bool succeeded : {true, false}) {
    Folder folder;
    for (const v1::Compare& compare : request.compares()) {
      if (succeeded) folder.Held(compare.key(), compare.precondition());
    }
    folder.ApplyAll(succeeded ? request.on_success() : request.on_failure(),
                    nullptr);
    for (KeyEffect& effect : folder.Take()) {
      // What both do is done once.
      if (std::find(all.begin(), all.end(), effect) == all.end()) {
        all.push_back(std::move(effect));
      }
    }
  }
  return all;
}

template <typename Request>
std::vector<KeyEffect> UnknownEffects(const Request& request) {
  Folder folder;
  folder.Apply(request, nullptr);
  return folder.Take();
}

}  // namespace

std::vector<KeyEffect> FindKeyEffects(const HistoryEvent& event,
                                      EventMessages* messages) {
  return VisitMethod(event.method, [&]<typename Types>(Types) {
    const auto& request = messages->Get<typename Types::Request>();
    Folder folder;
    if constexpr (!std::is_same_v<typename Types::Request,
                                  v1::GetOutcomeRequest>) {
      if (event.outcome == EventOutcome::kOk) {
        folder.Apply(request, &messages->Get<typename Types::Response>());
      } else if (event.outcome == EventOutcome::kUnknown) {
        return EffectsOnly(UnknownEffects(request));
      } else if (event.error != nullptr) {
        Refusal(*event.error, &folder).Explain(request);
      }
    }
    return folder.Take();
  });
}

}  // namespace latchkey::verify
