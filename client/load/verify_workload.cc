#include "client/load/verify_workload.h"

#include <utility>

#include "client/lib/call_error.h"
#include "client/verify/round.h"

namespace latchkey::load {
namespace {

// Streams of its own, so that what is sent does not depend on what is copied.
constexpr uint64_t kCopyStreams = uint64_t{2} << 40;

verify::EventOutcome OutcomeOf(client::Outcome outcome) {
  switch (outcome) {
    case client::Outcome::kOk:
      return verify::EventOutcome::kOk;
    case client::Outcome::kNotApplied:
      return verify::EventOutcome::kNotApplied;
    case client::Outcome::kUnknown:
      break;
  }
  return verify::EventOutcome::kUnknown;
}

// Whether the server says itself that it cannot know any more.
bool HasForgotten(const client::CallError& error) {
  return error.reason == "INCARNATION_CHANGED" ||
         error.reason == "IDEMPOTENCY_KEY_EXPIRED";
}

OperationKind KindOf(Method method) {
  return verify::IsWrite(method) ? OperationKind::kVerifiedWrite
                                 : OperationKind::kVerifiedRead;
}

}  // namespace

VerifyWorkload::VerifyWorkload(VerifyRequests& requests,
                               verify::HistoryRecorder& recorder,
                               VerifyProgress& progress, CallPort& clock,
                               size_t slots, VerifyWorkloadOptions options)
    : requests_(requests),
      recorder_(recorder),
      progress_(progress),
      clock_(clock),
      options_(std::move(options)),
      random_(options_.seed, kCopyStreams + options_.first_process),
      slots_(slots) {
  sentinel_.set_key(requests.keys().Sentinel());
  for (size_t slot = 0; slot < slots; ++slot) {
    slots_[slot].event.process =
        options_.first_process + static_cast<uint32_t>(slot);
  }
}

std::optional<Call> VerifyWorkload::Begin(size_t slot) {
  if (progress_.restarted.load(std::memory_order_relaxed)) return std::nullopt;
  Slot& state = slots_[slot];
  state.stage = Stage::kFirst;
  state.begun = clock_.Now();
  if (listed()) {
    if (next_listed_ == options_.list->size()) return std::nullopt;
    const ListedRequest& listed = (*options_.list)[next_listed_++];
    state.method = listed.method;
    return Start(&state, listed.method, listed.bytes);
  }
  const Call call = requests_.Next();
  state.method = call.method;
  call.request->SerializeToString(&state.request);
  state.event.start = clock_.Now();
  state.event.method = call.method;
  return call;
}

Call VerifyWorkload::Start(Slot* slot, Method method,
                           std::string_view request) {
  const Call call = requests_.Again(method, request, "");
  slot->request = request;
  slot->event.method = method;
  slot->event.start = clock_.Now();
  return call;
}

Call VerifyWorkload::Resume(size_t slot) {
  Slot& state = slots_[slot];
  if (state.stage == Stage::kSettling) return AskOutcome(state);
  return Start(&state, state.method, std::string(state.request));
}

Step VerifyWorkload::Continue(size_t slot, const Completion& completion,
                              Tally& tally) {
  Slot& state = slots_[slot];
  if (completion.error != nullptr) {
    if (HasForgotten(*completion.error)) {
      progress_.restarted.store(true, std::memory_order_relaxed);
    }
    const verify::EventError said = {
        completion.error->code_name, completion.error->reason, {}};
    // Refusals that the keys' state demands are what the run is about.
    if (!verify::IsDecision(said) && state.stage != Stage::kReuse) {
      tally.CountError(*completion.error);
    }
  }
  switch (state.stage) {
    case Stage::kFirst:
      TakeAnswer(&state, completion);
      return FollowUp(&state, tally);
    case Stage::kSettling:
      return Settle(&state, completion, tally);
    case Stage::kSentinel:
      LookAtSentinel(completion);
      state.stage = Stage::kFirst;
      return FollowUp(&state, tally);
    case Stage::kCopy:
    case Stage::kReuse:
      TakeAnswer(&state, completion);
      Record(&state);
      break;
  }
  return End(state);
}

void VerifyWorkload::TakeAnswer(Slot* slot, const Completion& completion) {
  verify::HistoryEvent& event = slot->event;
  event.end = clock_.Now();
  event.outcome = OutcomeOf(completion.outcome);
  event.replayed = completion.replayed;
  event.attempts = static_cast<uint32_t>(completion.attempts);
  event.hedges = static_cast<uint32_t>(completion.hedges);
  slot->key = completion.idempotency_key;
  slot->stamp = completion.stamp;
  event.response = completion.response;
  event.error = nullptr;
  if (completion.error != nullptr) {
    slot->error = {completion.error->code_name, completion.error->reason,
                   completion.error->metadata};
    event.error = &slot->error;
  }
}

Step VerifyWorkload::FollowUp(Slot* slot, Tally& tally) {
  if (slot->event.outcome == verify::EventOutcome::kUnknown &&
      !slot->key.empty() &&
      !progress_.restarted.load(std::memory_order_relaxed)) {
    slot->stage = Stage::kSettling;
    slot->unknown_since = clock_.Now();
    return Next(AskOutcome(*slot));
  }
  const bool decided = verify::IsDecided(slot->event);
  slot->ok =
      listed() ? slot->event.outcome == verify::EventOutcome::kOk : decided;
  ++tally.values_verified;
  Record(slot);
  if (listed() && slot->event.outcome == verify::EventOutcome::kNotApplied &&
      clock_.Now() - slot->begun < kSettlePatience) {
    return RestFor(kSettleRest);
  }
  if (listed() || !decided || slot->key.empty()) return End(*slot);
  if (random_.Below(kCopyOneIn) == 0) {
    slot->stage = Stage::kCopy;
    const Call copy = requests_.Again(slot->method, slot->request, slot->key);
    slot->event.start = clock_.Now();
    return Next(copy);
  }
  if (random_.Below(kReuseOneIn) == 0) {
    slot->stage = Stage::kReuse;
    const Call reuse = requests_.Reuse(slot->key);
    reuse.request->SerializeToString(&slot->request);
    slot->event.method = reuse.method;
    slot->event.start = clock_.Now();
    return Next(reuse);
  }
  return End(*slot);
}

Call VerifyWorkload::AskOutcome(const Slot& slot) {
  outcome_request_.set_idempotency_key(slot.key);
  outcome_request_.set_fence(true);
  return {Method::kGetOutcome, &outcome_request_, slot.stamp};
}

Step VerifyWorkload::Settle(Slot* slot, const Completion& completion,
                            Tally& tally) {
  if (!TakeOutcome(slot, completion)) {
    const bool forgotten =
        completion.error != nullptr && HasForgotten(*completion.error);
    if (!forgotten && clock_.Now() - slot->unknown_since < kSettlePatience) {
      return RestFor(kSettleRest);
    }
    slot->event.end = clock_.Now();
    Record(slot);
    return End(*slot);
  }
  progress_.settled.fetch_add(1, std::memory_order_relaxed);
  slot->event.end = clock_.Now();
  if (outcome_.state() == v1::GetOutcomeResponse::NOT_APPLIED && !listed()) {
    slot->stage = Stage::kSentinel;
    return Next({Method::kGet, &sentinel_});
  }
  slot->stage = Stage::kFirst;
  return FollowUp(slot, tally);
}

void VerifyWorkload::LookAtSentinel(const Completion& completion) {
  auto& answer = messages_.Get<v1::GetResponse>();
  if (completion.error == nullptr && ParseResponse(completion, &answer) &&
      !answer.has_entry()) {
    progress_.restarted.store(true, std::memory_order_relaxed);
  }
}

bool VerifyWorkload::TakeOutcome(Slot* slot, const Completion& completion) {
  verify::HistoryEvent& event = slot->event;
  if (completion.error != nullptr || !ParseResponse(completion, &outcome_)) {
    return false;
  }
  switch (outcome_.state()) {
    case v1::GetOutcomeResponse::NOT_APPLIED:
      event.outcome = verify::EventOutcome::kNotApplied;
      // Whatever a copy was told, no state was looked at.
      slot->error = {"CANCELLED", "", {}};
      return true;
    case v1::GetOutcomeResponse::DONE:
      break;
    default:
      return false;
  }
  if (outcome_.code() == 0) {
    event.outcome = verify::EventOutcome::kOk;
    event.response = outcome_.response();
    event.error = nullptr;
    return true;
  }
  event.outcome = verify::EventOutcome::kNotApplied;
  const std::string_view code =
      client::StatusCodeName(static_cast<grpc::StatusCode>(outcome_.code()));
  // A copy may have been told more of the same error.
  if (slot->error.code != code) slot->error = {std::string(code), "", {}};
  return true;
}

void VerifyWorkload::Record(Slot* slot) {
  verify::HistoryEvent& event = slot->event;
  event.request = slot->request;
  event.idempotency_key = slot->key;
  recorder_.Add(event);
  if (event.outcome == verify::EventOutcome::kOk) {
    LearnFrom(*slot, event.response);
  }
  // It does not outlive the completion.
  event.response = {};
}

void VerifyWorkload::LearnFrom(const Slot& slot, std::string_view response) {
  if (slot.event.method == Method::kPut) {
    auto& put = messages_.Get<v1::PutRequest>();
    auto& answer = messages_.Get<v1::PutResponse>();
    if (verify::ParseMessage(slot.request, &put) &&
        verify::ParseMessage(response, &answer)) {
      requests_.Learn(put.key(), answer.version());
    }
  } else if (slot.event.method == Method::kGet) {
    auto& answer = messages_.Get<v1::GetResponse>();
    if (verify::ParseMessage(response, &answer) && answer.has_entry()) {
      requests_.Learn(answer.entry().key(), answer.entry().version());
    }
  }
}

Step VerifyWorkload::End(const Slot& slot) const {
  return EndOf(KindOf(slot.method), slot.ok);
}

}  // namespace latchkey::load
