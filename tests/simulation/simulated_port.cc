#include "tests/simulation/simulated_port.h"

#include <algorithm>
#include <utility>

#include "client/verify/messages.h"
#include "latchkey/v1/cache.pb.h"
#include "tests/simulation/draw.h"
#include "tests/verify/keyed_write.h"
#include "tests/verify/late_copies.h"

namespace latchkey::simulation {
namespace {

using verify::DirectAnswer;
using verify::Method;

// As many as client/lib sends.
constexpr int kCopiesMax = 5;

// How long a call takes at most, how long it waits before it sends the next
// copy, and how long a copy is on its way if it is not late.
constexpr Nanos kCallMin = 20 * kNanosPerMicro;
constexpr Nanos kCallMax = kNanosPerSecond;
constexpr Nanos kPatienceMin = 20 * kNanosPerMicro;
constexpr Nanos kPatienceMax = 100 * kNanosPerMilli;
constexpr Nanos kWayMin = 1;
constexpr Nanos kWayMax = 50 * kNanosPerMicro;

// The stamp of one write in so many is left out: it is optional.
constexpr uint64_t kNoStampOneIn = 8;

// How often an outcome is asked for over the network.
constexpr int kQuestionsMax = 3;

// The stream of a port's choices.
constexpr uint64_t kPortStreams = uint64_t{3} << 40;

// The idempotency key of a call, and its request without it.
std::string TakeKey(const load::Call& call, std::string* payload) {
  return verify::VisitMethod(
      call.method, [&]<typename Types>(Types) -> std::string {
        typename Types::Request request;
        request.CopyFrom(
            static_cast<const typename Types::Request&>(*call.request));
        std::string key;
        if constexpr (requires { request.mutable_idempotency_key(); }) {
          key.swap(*request.mutable_idempotency_key());
          request.clear_idempotency_key();
        }
        payload->assign(request.SerializeAsString());
        return key;
      });
}

// Whether the answer is the call's, whatever other copies are told.
bool IsFinal(const DirectAnswer& answer) {
  if (verify::IsKept(answer)) return true;
  const auto code = static_cast<grpc::StatusCode>(answer.status.code);
  return code != grpc::StatusCode::UNAVAILABLE &&
         code != grpc::StatusCode::CANCELLED &&
         code != grpc::StatusCode::DEADLINE_EXCEEDED;
}

// The server cannot know any more.  The simulation does.
bool HasForgotten(const DirectAnswer& answer) {
  if (answer.ok()) return false;
  const std::string reason = answer.Error().reason;
  return reason == "INCARNATION_CHANGED" || reason == "IDEMPOTENCY_KEY_EXPIRED";
}

}  // namespace

SimulatedPort::SimulatedPort(const SimulatedPortOptions& options,
                             Scheduler& scheduler, Network& network,
                             LateCopies& late_copies)
    : options_(options),
      scheduler_(scheduler),
      network_(network),
      late_copies_(late_copies),
      random_(options.seed, kPortStreams + options.client) {}

void SimulatedPort::Connect(std::shared_ptr<Life> life) {
  life_ = std::move(life);
  // Some clients do not notice that it is another one.
  if (random_.Below(2) == 0) stamp_.clear();
}

std::optional<load::Completion> SimulatedPort::Poll(load::Nanos) {
  return std::exchange(completion_, std::nullopt);
}

void SimulatedPort::Start(size_t, const load::Call& call) {
  std::string payload;
  key_ = TakeKey(call, &payload);
  const bool is_write = verify::IsWrite(call.method);
  const bool again = is_write && !key_.empty();
  Exchange exchange = {.copy = {.method = call.method, .key = key_},
                       .tally = client::OutcomeTally(is_write)};
  // A question's key is what it asks for.
  exchange.copy.request = call.method == Method::kGetOutcome
                              ? call.request->SerializeAsString()
                              : payload;
  exchange.gives_up = scheduler_.now() + DrawNanos(random_, kCallMin, kCallMax);
  exchange.copy.in_lane = Draw(random_, options_.faults.in_lane);
  if (again) {
    // Whatever it is, it is sent while the record of the first is there.
    exchange.copy.stamp = write_.stamp;
    exchange.copy.request = verify::WithKey(payload, key_);
    exchange.copy.deadline = write_began_ + options_.window / 2;
  } else if (is_write) {
    BeginWrite(&exchange.copy);
  }
  // A copy without a stamp must not outlive the window; its deadline sees to
  // that.
  if (!again && (!Draw(random_, options_.faults.no_deadline) ||
                 (is_write && exchange.copy.stamp.empty()))) {
    exchange.copy.deadline = exchange.gives_up;
  }
  if (call.method == Method::kGetOutcome) {
    AskOutcome(&exchange);
  } else if (again) {
    RunSafely(&exchange);
  } else if (life_->over()) {
    exchange.copy.deadline = kNever;
    RunSafely(&exchange);
  } else {
    Run(&exchange);
  }
  if (is_write && !again && exchange.answer.has_value() &&
      verify::IsKept(*exchange.answer)) {
    late_copies_.Offer({.copy = write_,
                        .payload = std::move(payload),
                        .began = write_began_,
                        .life = life_});
  }
  Complete(exchange);
}

void SimulatedPort::BeginWrite(Copy* copy) {
  flights_.clear();
  copy->stamp = StampForWrite();
  write_began_ = scheduler_.now();
  key_ = verify::MakeKey(random_);
  copy->key = key_;
  copy->request = verify::WithKey(copy->request, key_);
  write_ = *copy;
}

void SimulatedPort::Run(Exchange* exchange) {
  const auto mailbox = std::make_shared<Mailbox>(scheduler_);
  while (exchange->attempts < kCopiesMax) {
    if (exchange->attempts > 0 && Draw(random_, options_.faults.cancelled)) {
      CancelAll();
    }
    SendCopy(exchange, mailbox);
    const UnixNanos until = std::min(
        exchange->gives_up,
        scheduler_.now() + DrawNanos(random_, kPatienceMin, kPatienceMax));
    bool final = false;
    while (!final && !life_->over()) {
      if (mailbox->answers.empty() && !mailbox->signal.WaitUntil(until)) break;
      for (DirectAnswer& answer : std::exchange(mailbox->answers, {})) {
        final = TakeAnswer(std::move(answer), exchange) || final;
      }
    }
    if (final || life_->over() || scheduler_.now() >= exchange->gives_up) {
      break;
    }
  }
  if (random_.Below(2) == 0) CancelAll();
}

void SimulatedPort::SendCopy(Exchange* exchange,
                             const std::shared_ptr<Mailbox>& mailbox) {
  const NetworkFaults& faults = options_.faults;
  ++exchange->attempts;
  if (exchange->attempts > 1) ++exchange->hedges;
  exchange->tally.OnSent();
  if (Draw(random_, faults.request_lost)) return;
  const bool late = Draw(random_, faults.late);
  exchange->copy.retry = exchange->attempts > 1;
  flights_.push_back(network_.Send(
      {.copy = exchange->copy,
       .sent_to = life_,
       .there = DrawNanos(random_, kWayMin,
                          late ? NetworkFaults::kLateMax : kWayMax),
       .back = DrawNanos(random_, kWayMin, kWayMax),
       .answer_lost = Draw(random_, faults.answer_lost),
       .mailbox = mailbox}));
}

bool SimulatedPort::TakeAnswer(DirectAnswer answer, Exchange* exchange) {
  Learn(answer);
  exchange->tally.OnAnswer(answer.Error());
  if (HasForgotten(answer)) {
    stamp_.clear();
    return true;
  }
  // A good answer is better than a bad one.
  if (!exchange->answer.has_value() || answer.ok()) {
    exchange->answer = std::move(answer);
  }
  return IsFinal(*exchange->answer);
}

void SimulatedPort::CancelAll() {
  const EndReason reason = random_.Below(2) == 0 ? EndReason::kClientCancelled
                                                 : EndReason::kDraining;
  for (const auto& flight : flights_) network_.Cancel(*flight, reason);
}

void SimulatedPort::RunSafely(Exchange* exchange) {
  ++exchange->attempts;
  exchange->tally.OnSent();
  exchange->copy.in_lane = false;
  TakeAnswer(life_->Serve(exchange->copy), exchange);
}

// Without a stamp it is asked for within the window; later the server cannot
// know, and does not say so.
void SimulatedPort::AskOutcome(Exchange* exchange) {
  exchange->copy.stamp = write_.stamp;
  exchange->copy.deadline =
      write_.stamp.empty() ? write_began_ + options_.window : kNever;
  for (int i = 0; i < kQuestionsMax && !life_->over(); ++i) {
    exchange->gives_up =
        scheduler_.now() + DrawNanos(random_, kCallMin, kCallMax);
    if (exchange->gives_up >= exchange->copy.deadline) break;
    exchange->attempts = 0;
    Run(exchange);
    if (exchange->answer.has_value() && exchange->answer->ok()) return;
    exchange->answer.reset();
  }
  exchange->answer = Truth(exchange->copy.key);
}

DirectAnswer SimulatedPort::Truth(std::string_view key) {
  for (const auto& flight : flights_) {
    if (!flight->arrived) flight->dropped = true;
  }
  for (const auto& flight : flights_) {
    while (flight->arrived && !flight->done) life_->served().Wait();
  }
  v1::GetOutcomeResponse told;
  const DirectAnswer* const truth = life_->judge().Truth(key);
  if (truth == nullptr) {
    told.set_state(v1::GetOutcomeResponse::NOT_APPLIED);
  } else {
    told.set_state(v1::GetOutcomeResponse::DONE);
    told.set_code(truth->status.code);
    told.set_message(truth->status.message);
    told.set_response(truth->response);
  }
  return {.response = told.SerializeAsString()};
}

void SimulatedPort::Learn(const DirectAnswer& answer) {
  if (answer.stamp.empty()) return;
  stamp_ = answer.stamp;
  stamp_at_ = scheduler_.now();
}

std::string SimulatedPort::StampForWrite() {
  if (random_.Below(kNoStampOneIn) == 0) return "";
  // As client/lib's StampKeeper.
  if (stamp_.empty() || scheduler_.now() - stamp_at_ > options_.window / 4) {
    v1::GetOutcomeRequest question;
    question.set_idempotency_key("stamp");
    Learn(life_->Serve({.method = Method::kGetOutcome,
                        .request = question.SerializeAsString(),
                        .stamp = "?"}));
  }
  return stamp_;
}

void SimulatedPort::Complete(const Exchange& exchange) {
  load::Completion completion = {.outcome = exchange.tally.Get(),
                                 .attempts = exchange.attempts,
                                 .hedges = exchange.hedges,
                                 .idempotency_key = key_};
  if (!exchange.answer.has_value()) {
    error_ = client::DecodeCallError(
        grpc::Status(grpc::StatusCode::UNKNOWN, "the network lost all copies"));
    completion.error = &error_;
  } else {
    answer_ = *exchange.answer;
    completion.replayed = answer_.replayed;
    completion.response = answer_.response;
    if (!answer_.ok()) {
      error_ = answer_.Error();
      completion.error = &error_;
    }
  }
  completion_ = completion;
}

}  // namespace latchkey::simulation
