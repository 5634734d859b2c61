#include "client/lib/client.h"

#include <algorithm>
#include <concepts>
#include <future>
#include <utility>

#include "client/lib/channel.h"

namespace latchkey::client {
namespace {

using Stub = v1::Cache::StubInterface::async_interface;

// So that the sum with the present is a time.
constexpr Duration kDeadlineMax = std::chrono::hours(24 * 365);

// GetOutcome names the key of another call.
template <typename Request>
constexpr bool kIsWrite = requires(Request request) {
  request.mutable_idempotency_key();
} && !std::same_as<Request, v1::GetOutcomeRequest>;

template <typename Request>
bool Changes(const Request&) {
  return kIsWrite<Request>;
}
bool Changes(const v1::GetRequest& request) {
  return request.has_touch() || request.has_lease();
}
bool Changes(const v1::GetOutcomeRequest& request) { return request.fence(); }

// Whether a second copy does no more than the first.
template <typename Request>
bool Repeatable(const Request& request) {
  if constexpr (kIsWrite<Request>) return !request.idempotency_key().empty();
  return std::same_as<Request, v1::GetOutcomeRequest> || !Changes(request);
}

template <typename Request, typename Response>
class UnaryCall final : public LogicalCall {
 public:
  using Method = void (Stub::*)(grpc::ClientContext*, const Request*, Response*,
                                std::function<void(grpc::Status)>);

  UnaryCall(ClientCore& core, Options options, Stub& stub, Method method,
            Request request, Callback<Response> done)
      : LogicalCall(core, std::move(options)),
        stub_(stub),
        method_(method),
        request_(std::move(request)),
        done_(std::move(done)) {}

 private:
  struct ResponseCopy final : Copy {
    Response response;
  };

  std::unique_ptr<Copy> MakeCopy() override {
    return std::make_unique<ResponseCopy>();
  }

  void SendCopy(Copy& copy) override {
    auto& response_copy = static_cast<ResponseCopy&>(copy);
    (stub_.*method_)(
        &copy.context, &request_, &response_copy.response,
        [this, &copy, self = shared_from_this()](const grpc::Status& status) {
          OnCopyDone(copy, status);
        });
  }

  void Complete(CallResult result, Copy* winner) override {
    Result<Response> typed{{std::move(result)}, {}};
    if (typed.ok()) {
      typed.response = std::move(static_cast<ResponseCopy*>(winner)->response);
    }
    // What it holds must not wait for the losers.
    Callback<Response> done = std::exchange(done_, nullptr);
    done(std::move(typed));
  }

  Stub& stub_;
  const Method method_;
  const Request request_;
  Callback<Response> done_;
};

class ScanCall final : public LogicalCall {
 public:
  ScanCall(ClientCore& core, Options options, Stub& stub,
           v1::ScanRequest request, Client::PageCallback on_page,
           std::function<void(CallResult)> done)
      : LogicalCall(core, std::move(options)),
        stub_(stub),
        request_(std::move(request)),
        on_page_(std::move(on_page)),
        done_(std::move(done)) {}

 private:
  struct Reader final : Copy, grpc::ClientReadReactor<v1::ScanResponse> {
    void OnReadDone(bool ok) override {
      if (!ok) return;
      if (!call->OnPage(std::move(page))) context.TryCancel();
      page.Clear();
      StartRead(&page);
    }

    void OnDone(const grpc::Status& status) override {
      // The call owns this object, and may end with the scope.
      const std::shared_ptr<ScanCall> last = std::move(call);
      last->OnCopyDone(*this, status);
    }

    std::shared_ptr<ScanCall> call;
    v1::ScanResponse page;
  };

  std::unique_ptr<Copy> MakeCopy() override {
    return std::make_unique<Reader>();
  }

  void SendCopy(Copy& copy) override {
    auto& reader = static_cast<Reader&>(copy);
    reader.call = std::static_pointer_cast<ScanCall>(shared_from_this());
    stub_.Scan(&reader.context, &request_, &reader);
    reader.StartRead(&reader.page);
    reader.StartCall();
  }

  bool OnPage(v1::ScanResponse page) {
    StopRepeating();
    return on_page_(std::move(page));
  }

  void Complete(CallResult result, Copy*) override { done_(std::move(result)); }

  Stub& stub_;
  const v1::ScanRequest request_;
  const Client::PageCallback on_page_;
  const std::function<void(CallResult)> done_;
};

// The result of an asynchronous call that `start` makes with a callback.
template <typename ResultType, typename Start>
ResultType Await(Start start) {
  // Shared: the callback can be on its way out of set_value() when get() is
  // back already.
  auto promise = std::make_shared<std::promise<ResultType>>();
  start(
      [promise](ResultType result) { promise->set_value(std::move(result)); });
  return promise->get_future().get();
}

}  // namespace

Client::Client(const std::string& address, const ClientOptions& options)
    : Client(MakeChannel(address, {.retries = false}), options) {}

Client::Client(const std::shared_ptr<grpc::Channel>& channel,
               const ClientOptions& options)
    : options_(options),
      stub_(v1::Cache::NewStub(channel)),
      core_(options.clock != nullptr ? *options.clock : system_clock_,
            options.random != nullptr ? *options.random : system_random_,
            options.timers != nullptr ? *options.timers : alarm_timers_,
            options.ledger_window) {}

Client::~Client() { core_.calls.CancelAll(); }

RetrySchedule::Options Client::ScheduleOptions(
    const CallOptions& options) const {
  const Duration deadline = options.deadline.value_or(options_.deadline);
  return {
      .repeat = options.repeat,
      .hedge_delay = options.hedge_delay.has_value() ? options.hedge_delay
                                                     : options_.hedge_delay,
      .deadline = core_.clock.Now() + std::min(deadline, kDeadlineMax),
  };
}

template <typename Request, typename Response>
void Client::StartCall(StubMethod<Request, Response> method, Request request,
                       const CallOptions& options, Callback<Response> done) {
  LogicalCall::Options call_options{.schedule = ScheduleOptions(options),
                                    .changes = Changes(request)};
  if constexpr (kIsWrite<Request>) {
    std::string* const key = request.mutable_idempotency_key();
    if (key->empty() && options.keyed) *key = core_.keys.Next();
    call_options.idempotency_key = *key;
  }
  if constexpr (kIsWrite<Request> ||
                std::same_as<Request, v1::GetOutcomeRequest>) {
    call_options.stamp = options.stamp;
  }
  if (!Repeatable(request)) call_options.schedule.repeat = false;
  const std::string key = call_options.idempotency_key;
  const RetrySchedule::Options schedule = call_options.schedule;
  auto call = std::make_shared<UnaryCall<Request, Response>>(
      core_, std::move(call_options), *stub_->async(), method,
      std::move(request), std::move(done));
  core_.calls.Add(call);
  if (!key.empty() && options.stamp.empty() &&
      core_.stamps.Stale(core_.clock.Now())) {
    StartWithNewStamp(call, key, schedule);
  } else {
    call->Start();
  }
}

void Client::StartWithNewStamp(const std::shared_ptr<LogicalCall>& write,
                               const std::string& idempotency_key,
                               const RetrySchedule::Options& schedule) {
  v1::GetOutcomeRequest request;
  request.set_idempotency_key(idempotency_key);
  auto then = [write](const Result<v1::GetOutcomeResponse>& result) {
    if (!IsConclusive(result.error.code)) {
      write->End(result.error);
      return;
    }
    write->Start();
  };
  const StubMethod<v1::GetOutcomeRequest, v1::GetOutcomeResponse> method =
      &Stub::GetOutcome;
  auto ask = std::make_shared<
      UnaryCall<v1::GetOutcomeRequest, v1::GetOutcomeResponse>>(
      core_, LogicalCall::Options{.schedule = schedule}, *stub_->async(),
      method, std::move(request), std::move(then));
  core_.calls.Add(ask);
  ask->Start();
}

template <typename Request, typename Response>
Result<Response> Client::Wait(AsyncMethod<Request, Response> method,
                              Request request, const CallOptions& options) {
  return Await<Result<Response>>([&](Callback<Response> done) {
    (this->*method)(std::move(request), options, std::move(done));
  });
}

Result<v1::GetResponse> Client::Get(v1::GetRequest request,
                                    const CallOptions& options) {
  return Wait(&Client::GetAsync, std::move(request), options);
}

void Client::GetAsync(v1::GetRequest request, const CallOptions& options,
                      Callback<v1::GetResponse> done) {
  StartCall(&Stub::Get, std::move(request), options, std::move(done));
}

Result<v1::BatchGetResponse> Client::BatchGet(v1::BatchGetRequest request,
                                              const CallOptions& options) {
  return Wait(&Client::BatchGetAsync, std::move(request), options);
}

void Client::BatchGetAsync(v1::BatchGetRequest request,
                           const CallOptions& options,
                           Callback<v1::BatchGetResponse> done) {
  StartCall(&Stub::BatchGet, std::move(request), options, std::move(done));
}

Result<v1::PutResponse> Client::Put(v1::PutRequest request,
                                    const CallOptions& options) {
  return Wait(&Client::PutAsync, std::move(request), options);
}

void Client::PutAsync(v1::PutRequest request, const CallOptions& options,
                      Callback<v1::PutResponse> done) {
  StartCall(&Stub::Put, std::move(request), options, std::move(done));
}

Result<v1::BatchPutResponse> Client::BatchPut(v1::BatchPutRequest request,
                                              const CallOptions& options) {
  return Wait(&Client::BatchPutAsync, std::move(request), options);
}

void Client::BatchPutAsync(v1::BatchPutRequest request,
                           const CallOptions& options,
                           Callback<v1::BatchPutResponse> done) {
  StartCall(&Stub::BatchPut, std::move(request), options, std::move(done));
}

Result<v1::DeleteResponse> Client::Delete(v1::DeleteRequest request,
                                          const CallOptions& options) {
  return Wait(&Client::DeleteAsync, std::move(request), options);
}

void Client::DeleteAsync(v1::DeleteRequest request, const CallOptions& options,
                         Callback<v1::DeleteResponse> done) {
  StartCall(&Stub::Delete, std::move(request), options, std::move(done));
}

Result<v1::BatchDeleteResponse> Client::BatchDelete(
    v1::BatchDeleteRequest request, const CallOptions& options) {
  return Wait(&Client::BatchDeleteAsync, std::move(request), options);
}

void Client::BatchDeleteAsync(v1::BatchDeleteRequest request,
                              const CallOptions& options,
                              Callback<v1::BatchDeleteResponse> done) {
  StartCall(&Stub::BatchDelete, std::move(request), options, std::move(done));
}

Result<v1::IncrementResponse> Client::Increment(v1::IncrementRequest request,
                                                const CallOptions& options) {
  return Wait(&Client::IncrementAsync, std::move(request), options);
}

void Client::IncrementAsync(v1::IncrementRequest request,
                            const CallOptions& options,
                            Callback<v1::IncrementResponse> done) {
  StartCall(&Stub::Increment, std::move(request), options, std::move(done));
}

Result<v1::TouchResponse> Client::Touch(v1::TouchRequest request,
                                        const CallOptions& options) {
  return Wait(&Client::TouchAsync, std::move(request), options);
}

void Client::TouchAsync(v1::TouchRequest request, const CallOptions& options,
                        Callback<v1::TouchResponse> done) {
  StartCall(&Stub::Touch, std::move(request), options, std::move(done));
}

Result<v1::MoveResponse> Client::Move(v1::MoveRequest request,
                                      const CallOptions& options) {
  return Wait(&Client::MoveAsync, std::move(request), options);
}

void Client::MoveAsync(v1::MoveRequest request, const CallOptions& options,
                       Callback<v1::MoveResponse> done) {
  StartCall(&Stub::Move, std::move(request), options, std::move(done));
}

Result<v1::TransferResponse> Client::Transfer(v1::TransferRequest request,
                                              const CallOptions& options) {
  return Wait(&Client::TransferAsync, std::move(request), options);
}

void Client::TransferAsync(v1::TransferRequest request,
                           const CallOptions& options,
                           Callback<v1::TransferResponse> done) {
  StartCall(&Stub::Transfer, std::move(request), options, std::move(done));
}

Result<v1::TransactResponse> Client::Transact(v1::TransactRequest request,
                                              const CallOptions& options) {
  return Wait(&Client::TransactAsync, std::move(request), options);
}

void Client::TransactAsync(v1::TransactRequest request,
                           const CallOptions& options,
                           Callback<v1::TransactResponse> done) {
  StartCall(&Stub::Transact, std::move(request), options, std::move(done));
}

Result<v1::GetOutcomeResponse> Client::GetOutcome(v1::GetOutcomeRequest request,
                                                  const CallOptions& options) {
  return Wait(&Client::GetOutcomeAsync, std::move(request), options);
}

void Client::GetOutcomeAsync(v1::GetOutcomeRequest request,
                             const CallOptions& options,
                             Callback<v1::GetOutcomeResponse> done) {
  StartCall(&Stub::GetOutcome, std::move(request), options, std::move(done));
}

CallResult Client::Scan(v1::ScanRequest request, const CallOptions& options,
                        PageCallback on_page) {
  return Await<CallResult>([&](std::function<void(CallResult)> done) {
    ScanAsync(std::move(request), options, std::move(on_page), std::move(done));
  });
}

void Client::ScanAsync(v1::ScanRequest request, const CallOptions& options,
                       PageCallback on_page,
                       std::function<void(CallResult)> done) {
  LogicalCall::Options call_options{.schedule = ScheduleOptions(options)};
  call_options.schedule.hedge_delay.reset();
  auto call = std::make_shared<ScanCall>(core_, std::move(call_options),
                                         *stub_->async(), std::move(request),
                                         std::move(on_page), std::move(done));
  core_.calls.Add(call);
  call->Start();
}

}  // namespace latchkey::client
