#include "tests/verify/direct_engine.h"

#include <atomic>
#include <chrono>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "client/lib/outcome.h"
#include "client/load/random.h"
#include "client/verify/messages.h"
#include "tests/verify/companion.h"
#include "tests/verify/keyed_write.h"
#include "tests/verify/late_copies.h"

namespace latchkey::verify {
namespace {

// As many as client/lib sends.
constexpr int kCopiesMax = 5;

// How far the clock moves in a round, as parts of the window.
constexpr Nanos kMoveMinPart = 16;
constexpr Nanos kMoveMaxPart = 4;

// Before one round in so many it moves past the whole of it.
constexpr uint64_t kPastWindowOneIn = 4;

// The stamp of one write in so many is left out: it is optional.
constexpr uint64_t kNoStampOneIn = 8;

// Half of the tokens that end do so after up to 2 to this power turns of a
// loop, which is longer than a call takes; the others when the server asks for
// them.
constexpr uint64_t kTurnsLog2Max = 12;
constexpr uint64_t kAsksMax = 4;

// What becomes of one copy.
enum class Fate { kAnswered, kRequestLost, kAnswerLost, kSentTwice, kEnded };

// What every copy of a call is.
struct Sending {
  Method method;
  std::string_view request;
  std::string_view stamp = {};
  // The write whose copies these are, where the engine judges their answers.
  KeyedWrite* judged = nullptr;
};

std::string KeyOf(const load::Call& call) {
  return VisitMethod(call.method, [&]<typename Types>(Types) -> std::string {
    if constexpr (requires(typename Types::Request r) {
                    r.idempotency_key();
                  }) {
      return static_cast<const typename Types::Request*>(call.request)
          ->idempotency_key();
    }
    return "";
  });
}

// A read that changes something and carries no key: it can be sent only once.
bool IsTouch(const load::Call& call) {
  return call.method == Method::kGet &&
         static_cast<const v1::GetRequest*>(call.request)->has_touch();
}

bool IsUnavailable(const DirectAnswer& answer) {
  return answer.status.code == static_cast<int>(grpc::StatusCode::UNAVAILABLE);
}

}  // namespace

class DirectPort final : public load::CallPort {
 public:
  DirectPort(DirectEngine& engine, size_t thread)
      : engine_(engine),
        faults_(engine.options_.faults),
        window_(engine.options_.store.idempotency_window),
        random_(engine.options_.seed, thread),
        judge_(&violations_),
        late_(engine.server_, window_, random_, companion_, judge_) {}

  load::Nanos Now() override {
    return std::chrono::steady_clock::now().time_since_epoch() /
           std::chrono::nanoseconds(1);
  }
  void Start(size_t slot, const load::Call& call) override;
  std::optional<load::Completion> Poll(load::Nanos) override {
    // Only a worker whose slots all rest waits in vain.
    if (!completion_.has_value()) std::this_thread::yield();
    return std::exchange(completion_, std::nullopt);
  }

  const Violations& violations() const { return violations_; }
  DirectCounts counts() const {
    DirectCounts counts = counts_;
    counts.late_copies = late_.sent();
    return counts;
  }
  bool unsettled() const { return unsettled_; }

 private:
  bool Draw(uint64_t of_thousand) { return random_.Below(1'000) < of_thousand; }
  Fate DrawFate();
  Nanos DrawMove();

  void SendWrite(const load::Call& call, const std::string& payload);
  void SendOther(const load::Call& call, const std::string& request);
  // Sends one copy, or two; returns the answer, where one came.
  std::optional<DirectAnswer> Send(Fate fate, const Sending& sending,
                                   client::OutcomeTally* tally);
  DirectAnswer SendTwice(const Sending& sending, client::OutcomeTally* tally);
  DirectAnswer SendAndEnd(const Sending& sending);
  void Judge(const Sending& sending, bool may_end,
             std::initializer_list<const DirectAnswer*> answers);
  void Learn(const DirectAnswer& answer);
  std::string StampForWrite();
  void Complete(const std::optional<DirectAnswer>& answer,
                const client::OutcomeTally& tally);

  // Constant after construction.
  DirectEngine& engine_;
  const NetworkFaults faults_;
  const Nanos window_;

  load::Random random_;
  Companion companion_;
  Violations violations_;
  CopyJudge judge_;
  LateCopies late_;
  DirectCounts counts_;

  // The newest stamp and when it came.
  std::string stamp_;
  UnixNanos stamp_at_ = 0;

  // The last keyed write has an unknown outcome.  Read by other threads while
  // no call is under way.
  std::atomic<bool> unsettled_ = false;

  // The last call's end, and what it points to.
  std::optional<load::Completion> completion_;
  int attempts_ = 0;
  int hedges_ = 0;
  DirectAnswer answer_;
  client::CallError error_;
  std::string key_;
  std::string write_stamp_;
};

void DirectPort::Start(size_t, const load::Call& call) {
  ++counts_.calls;
  // Whose client goes on to something else asks no more.
  if (call.method != Method::kGetOutcome) unsettled_ = false;
  if (Draw(faults_.clock_moves)) {
    ++counts_.clock_moves;
    engine_.MoveClock(DrawMove());
  }
  const auto calls = engine_.gate_.EnterCall();
  if (Draw(faults_.late_copies)) late_.SendOne();
  attempts_ = hedges_ = 0;
  const std::string request = call.request->SerializeAsString();
  if (IsWrite(call.method)) {
    SendWrite(call, request);
  } else {
    SendOther(call, request);
  }
}

void DirectPort::SendWrite(const load::Call& call, const std::string& payload) {
  KeyedWrite write = {.method = call.method,
                      .key = KeyOf(call),
                      .payload = payload,
                      .request = payload,
                      .stamp = StampForWrite()};
  // What a caller does with a key of its own is its own to judge.
  const bool judged = write.key.empty();
  if (judged) {
    write.key = MakeKey(random_);
    write.request = WithKey(payload, write.key);
  }
  key_ = write.key;
  write_stamp_ = write.stamp;
  client::OutcomeTally tally(/*changes=*/true);
  std::optional<DirectAnswer> answer;
  while (attempts_ < kCopiesMax) {
    answer = Send(DrawFate(),
                  {.method = write.method,
                   .request = write.request,
                   .stamp = write.stamp,
                   .judged = judged ? &write : nullptr},
                  &tally);
    // A server that drains may be given up at once.
    if (answer.has_value() &&
        (!IsUnavailable(*answer) || random_.Below(2) == 0)) {
      break;
    }
  }
  if (write.decided.has_value()) late_.Offer(write);
  unsettled_ = tally.Get() == client::Outcome::kUnknown;
  Complete(answer, tally);
}

void DirectPort::SendOther(const load::Call& call, const std::string& request) {
  key_.clear();
  write_stamp_.clear();
  client::OutcomeTally tally(/*changes=*/IsTouch(call));
  std::optional<DirectAnswer> answer;
  while (!answer.has_value() && attempts_ < kCopiesMax) {
    Fate fate = IsTouch(call) ? Fate::kAnswered : DrawFate();
    // Whoever asks for an outcome asks until it is told.
    if (call.method == Method::kGetOutcome &&
        (fate == Fate::kEnded || attempts_ == kCopiesMax - 1)) {
      fate = Fate::kAnswered;
    }
    answer = Send(
        fate, {.method = call.method, .request = request, .stamp = call.stamp},
        &tally);
  }
  Complete(answer, tally);
}

std::optional<DirectAnswer> DirectPort::Send(Fate fate, const Sending& sending,
                                             client::OutcomeTally* tally) {
  ++attempts_;
  tally->OnSent();
  if (fate == Fate::kRequestLost) {
    ++counts_.lost;
    return std::nullopt;
  }
  ++counts_.copies;
  if (fate == Fate::kSentTwice) return SendTwice(sending, tally);
  DirectAnswer answer;
  if (fate == Fate::kEnded) {
    answer = SendAndEnd(sending);
  } else {
    DirectCopy copy(engine_.server_, sending.method, sending.request,
                    {.stamp = sending.stamp});
    copy.Run();
    answer = copy.answer();
  }
  Judge(sending, /*may_end=*/fate == Fate::kEnded, {&answer});
  if (fate == Fate::kAnswerLost) {
    ++counts_.lost;
    return std::nullopt;
  }
  Learn(answer);
  tally->OnAnswer(answer.Error());
  return answer;
}

DirectAnswer DirectPort::SendTwice(const Sending& sending,
                                   client::OutcomeTally* tally) {
  ++attempts_;
  ++hedges_;
  ++counts_.copies;
  ++counts_.pairs;
  tally->OnSent();
  DirectCopy first(engine_.server_, sending.method, sending.request,
                   {.stamp = sending.stamp});
  DirectCopy second(engine_.server_, sending.method, sending.request,
                    {.stamp = sending.stamp});
  companion_.Start([&second] { second.Run(); });
  first.Run();
  companion_.Wait();
  Judge(sending, /*may_end=*/false, {&first.answer(), &second.answer()});
  tally->OnAnswer(first.answer().Error());
  tally->OnAnswer(second.answer().Error());
  // Either may come first; but one that says no ends no call while another is
  // under way.
  const bool first_counts = first.answer().ok() == second.answer().ok()
                                ? random_.Below(2) == 0
                                : first.answer().ok();
  return first_counts ? first.answer() : second.answer();
}

DirectAnswer DirectPort::SendAndEnd(const Sending& sending) {
  ++counts_.ended;
  DirectCopy::Options options = {.stamp = sending.stamp};
  const bool at_ask = random_.Below(2) == 0;
  if (at_ask)
    options.ends_at_ask = 1 + static_cast<int>(random_.Below(kAsksMax));
  DirectCopy copy(engine_.server_, sending.method, sending.request, options);
  if (at_ask) {
    copy.Run();
    return copy.answer();
  }
  const uint64_t turns =
      random_.Below(uint64_t{1} << random_.Below(kTurnsLog2Max + 1));
  companion_.Start([&copy, turns] {
    for (std::atomic<uint64_t> turn = 0; turn < turns; ++turn) {
    }
    copy.End(EndReason::kDraining);
  });
  copy.Run();
  companion_.Wait();
  return copy.answer();
}

void DirectPort::Judge(const Sending& sending, bool may_end,
                       std::initializer_list<const DirectAnswer*> answers) {
  if (sending.judged == nullptr) return;
  judge_.OnAnswers(*sending.judged, engine_.server_.clock().Now(), may_end,
                   answers);
}

Fate DirectPort::DrawFate() {
  uint64_t drawn = random_.Below(1'000);
  for (const auto& [rate, fate] :
       {std::pair(faults_.request_lost, Fate::kRequestLost),
        std::pair(faults_.answer_lost, Fate::kAnswerLost),
        std::pair(faults_.sent_twice, Fate::kSentTwice),
        std::pair(faults_.ended, Fate::kEnded)}) {
    if (drawn < rate) return fate;
    drawn -= rate;
  }
  return Fate::kAnswered;
}

Nanos DirectPort::DrawMove() {
  const Nanos least = window_ / kMoveMinPart;
  const Nanos most = window_ / kMoveMaxPart;
  return least +
         static_cast<Nanos>(random_.Below(static_cast<uint64_t>(most - least)));
}

void DirectPort::Learn(const DirectAnswer& answer) {
  if (answer.stamp.empty()) return;
  stamp_ = answer.stamp;
  stamp_at_ = engine_.server_.clock().Now();
}

std::string DirectPort::StampForWrite() {
  if (random_.Below(kNoStampOneIn) == 0) return "";
  // As client/lib's StampKeeper.
  const UnixNanos now = engine_.server_.clock().Now();
  if (stamp_.empty() || now - stamp_at_ > window_ / 4) {
    v1::GetOutcomeRequest question;
    question.set_idempotency_key("stamp");
    const std::string request = question.SerializeAsString();
    DirectCopy copy(engine_.server_, Method::kGetOutcome, request,
                    {.stamp = "?"});
    copy.Run();
    Learn(copy.answer());
  }
  return stamp_;
}

void DirectPort::Complete(const std::optional<DirectAnswer>& answer,
                          const client::OutcomeTally& tally) {
  load::Completion completion = {.outcome = tally.Get(),
                                 .attempts = attempts_,
                                 .hedges = hedges_,
                                 .idempotency_key = key_,
                                 .stamp = write_stamp_};
  if (!answer.has_value()) {
    error_ = client::DecodeCallError(
        grpc::Status(grpc::StatusCode::UNKNOWN, "the network lost all copies"));
    completion.error = &error_;
  } else {
    answer_ = *answer;
    completion.replayed = answer_.replayed;
    completion.response = answer_.response;
    if (!answer_.ok()) {
      error_ = answer_.Error();
      completion.error = &error_;
    }
  }
  completion_ = completion;
}

DirectEngine::DirectEngine(const DirectEngineOptions& options)
    : options_(options),
      server_({.seed = options.seed, .store = options.store}, clock_),
      random_(options.seed, options.threads) {
  for (size_t thread = 0; thread < options_.threads; ++thread) {
    ports_.push_back(std::make_unique<DirectPort>(*this, thread));
  }
}

DirectEngine::~DirectEngine() = default;

load::CallPort& DirectEngine::Port(size_t thread) { return *ports_[thread]; }

Violations DirectEngine::violations() const {
  Violations all;
  for (const auto& port : ports_) all.Merge(port->violations());
  return all;
}

DirectCounts DirectEngine::counts() const {
  DirectCounts sum;
  for (const auto& port : ports_) {
    const DirectCounts counts = port->counts();
    sum.calls += counts.calls;
    sum.copies += counts.copies;
    sum.lost += counts.lost;
    sum.pairs += counts.pairs;
    sum.ended += counts.ended;
    sum.late_copies += counts.late_copies;
    sum.clock_moves += counts.clock_moves;
  }
  return sum;
}

void DirectEngine::BeginRound() {
  moved_ = 0;
  if (random_.Below(kPastWindowOneIn) != 0) return;
  clock_.Advance(options_.store.idempotency_window + kNanosPerSecond);
  // Half of the time what has outlived the window is forgotten one by one.
  if (random_.Below(2) == 0) server_.store().SweepLedger(SIZE_MAX);
}

void DirectEngine::MoveClock(Nanos duration) {
  const auto stopped = gate_.StopCalls();
  if (moved_ + duration >= options_.store.idempotency_window) return;
  for (const auto& port : ports_) {
    if (port->unsettled()) return;
  }
  moved_ += duration;
  clock_.Advance(duration);
}

}  // namespace latchkey::verify
