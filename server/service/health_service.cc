#include "server/service/health_service.h"

#include <optional>
#include <utility>
#include <vector>

#include "grpc/health/v1/health.pb.h"
#include "server/service/cache_service.h"
#include "server/service/request_parsing.h"
#include "server/service/stream_end.h"

namespace latchkey {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

bool IsKnown(std::string_view service) {
  return service.empty() || service == CacheService::kName;
}

HealthCheckResponse::ServingStatus ToStatus(bool serving) {
  return serving ? HealthCheckResponse::SERVING
                 : HealthCheckResponse::NOT_SERVING;
}

}  // namespace

// One Watch call.  Both its transport and SetServing() drive it, so it is
// shared by its handler and the service, and keeps them from using the call at
// the same time or after its end.
//
// Thread safety: all methods may be called from any thread.
class HealthService::Watcher {
 public:
  Watcher(Call& call, const HealthService& service)
      : call_(call), service_(service) {}

  // The client named its service: from now on it is told the state.
  void Begin(bool known) {
    {
      MutexLock lock(mutex_);
      begun_ = true;
      known_ = known;
    }
    Advance();
  }

  void OnSent() {
    {
      MutexLock lock(mutex_);
      sending_ = false;
    }
    Advance();
  }

  // Ends the call with `error` as soon as nobody uses it.
  void End(absl::Status error) {
    {
      MutexLock lock(mutex_);
      error_ = std::move(error);
    }
    Advance();
  }

  // Does what there is to do: sends a changed state, or ends the call.
  void Advance() {
    absl::Status error;
    while (true) {
      HealthCheckResponse response;
      {
        MutexLock lock(mutex_);
        // Who is inside the call comes back here and sees what changed.
        if (calling_ || finished_) return;
        const bool news = begun_ && Status() != last_sent_;
        if (error_.ok() && service_.draining_.load(std::memory_order_acquire) &&
            !news && !sending_) {
          error_ = EndedError(EndReason::kDraining, DeadlineStage::kArrival);
        }
        if (!error_.ok()) {
          finished_ = true;
          error = error_;
          break;
        }
        if (!news || sending_) return;
        last_sent_ = Status();
        response.set_status(*last_sent_);
        sending_ = true;
        calling_ = true;
      }
      call_.Send(response);
      MutexLock lock(mutex_);
      calling_ = false;
    }
    call_.Fail(error);
  }

 private:
  HealthCheckResponse::ServingStatus Status() const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!known_) return HealthCheckResponse::SERVICE_UNKNOWN;
    return ToStatus(service_.serving_.load(std::memory_order_acquire));
  }

  // Constant after construction; the call is not touched once `finished_`.
  Call& call_;
  const HealthService& service_;

  Mutex mutex_;
  bool begun_ ABSL_GUARDED_BY(mutex_) = false;
  bool known_ ABSL_GUARDED_BY(mutex_) = false;
  // A thread is inside a method of the call.
  bool calling_ ABSL_GUARDED_BY(mutex_) = false;
  // A Send() waits for its OnSent().
  bool sending_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  // What the call is to end with.
  absl::Status error_ ABSL_GUARDED_BY(mutex_);
  std::optional<HealthCheckResponse::ServingStatus> last_sent_
      ABSL_GUARDED_BY(mutex_);
};

// The transport's view of a Watcher.
class HealthService::WatchHandler final : public StreamHandler {
 public:
  WatchHandler(HealthService& service, Call& call)
      : service_(service),
        call_(call),
        watcher_(std::make_shared<Watcher>(call, service)) {
    call.Receive();
    MutexLock lock(service_.mutex_);
    service_.watchers_.insert(watcher_);
  }

  ~WatchHandler() override {
    MutexLock lock(service_.mutex_);
    service_.watchers_.erase(watcher_);
  }

  void OnMessage(std::string_view message) override {
    RequestArena arena;
    const auto request = ParseRequest<HealthCheckRequest>(message, arena);
    if (!request.ok()) {
      watcher_->End(request.status());
      return;
    }
    watcher_->Begin(IsKnown((*request)->service()));
  }

  void OnHalfClose() override {
    watcher_->End(absl::InvalidArgumentError("the request is missing"));
  }

  void OnSent() override { watcher_->OnSent(); }

  void OnCancel() override { watcher_->End(StreamEndedError(call_)); }

 private:
  HealthService& service_;
  Call& call_;
  const std::shared_ptr<Watcher> watcher_;
};

HealthService::HealthService() = default;
HealthService::~HealthService() = default;

void HealthService::Register(MethodTable& methods) {
  methods.AddUnary(
      "/grpc.health.v1.Health/Check",
      [this](Call& call, std::string_view bytes) { Check(call, bytes); },
      MethodClass::kOpen);
  methods.AddStream(
      "/grpc.health.v1.Health/Watch",
      [this](Call& call) {
        return std::make_unique<WatchHandler>(*this, call);
      },
      MethodClass::kAboutServer);
}

void HealthService::SetServing(bool serving) {
  serving_.store(serving, std::memory_order_release);
  std::vector<std::shared_ptr<Watcher>> watchers;
  {
    MutexLock lock(mutex_);
    watchers.assign(watchers_.begin(), watchers_.end());
  }
  for (const auto& watcher : watchers) watcher->Advance();
}

void HealthService::Drain() {
  draining_.store(true, std::memory_order_release);
  SetServing(false);
}

void HealthService::Check(Call& call, std::string_view bytes) const {
  RequestArena arena;
  const auto request = ParseRequest<HealthCheckRequest>(bytes, arena);
  if (!request.ok()) {
    call.Fail(request.status());
    return;
  }
  if (!IsKnown((*request)->service())) {
    call.Fail(absl::NotFoundError("no such service"));
    return;
  }
  auto* response = arena.Make<HealthCheckResponse>();
  response->set_status(ToStatus(serving_.load(std::memory_order_acquire)));
  call.Reply(*response);
}

}  // namespace latchkey
