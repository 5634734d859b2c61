#include "tests/client/lib/fake_cache.h"

#include <google/protobuf/any.pb.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include <chrono>
#include <utility>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace latchkey::client {
namespace {

std::string Header(const grpc::CallbackServerContext& context,
                   const char* name) {
  const auto found = context.client_metadata().find(name);
  if (found == context.client_metadata().end()) return "";
  return std::string(found->second.data(), found->second.size());
}

// Something by which the test sees that the response came through.
template <typename Response>
void FillResponse(Response& response) {
  if constexpr (requires { response.set_version(7); }) response.set_version(7);
  if constexpr (requires { response.set_not_modified(true); }) {
    response.set_not_modified(true);
  }
  if constexpr (requires { response.add_results(); }) response.add_results();
  if constexpr (requires { response.set_method(""); }) {
    response.set_method("method");
  }
}

template <typename Request>
Seen MakeSeen(const grpc::CallbackServerContext& context,
              const Request& request) {
  Seen seen;
  if constexpr (requires { request.idempotency_key(); }) {
    seen.idempotency_key = request.idempotency_key();
  }
  seen.stamp = Header(context, "latchkey-stamp");
  seen.previous_attempts = Header(context, "grpc-previous-rpc-attempts");
  seen.request = request.SerializeAsString();
  seen.deadline = context.deadline();
  return seen;
}

class UnaryReactor final : public grpc::ServerUnaryReactor {
 public:
  UnaryReactor(const Answer& answer, std::function<void()> on_cancel)
      : hold_(answer.hold), on_cancel_(std::move(on_cancel)) {
    if (!hold_) Finish(answer.status);
  }

  void OnCancel() override {
    if (!hold_) return;
    Finish(grpc::Status::CANCELLED);
    on_cancel_();
  }

  void OnDone() override { delete this; }

 private:
  const bool hold_;
  const std::function<void()> on_cancel_;
};

class ScanReactor final : public grpc::ServerWriteReactor<v1::ScanResponse> {
 public:
  ScanReactor(Answer answer, std::function<void()> on_cancel)
      : answer_(std::move(answer)), on_cancel_(std::move(on_cancel)) {
    WriteNext();
  }

  void OnWriteDone(bool ok) override {
    if (ok) {
      WriteNext();
    } else {
      Finish(grpc::Status::CANCELLED);
    }
  }

  void OnCancel() override {
    if (!answer_.hold) return;
    Finish(grpc::Status::CANCELLED);
    on_cancel_();
  }

  void OnDone() override { delete this; }

 private:
  void WriteNext() {
    if (written_ < answer_.pages) {
      page_.set_resume_token("after-" + std::to_string(++written_));
      StartWrite(&page_);
    } else if (!answer_.hold) {
      Finish(answer_.status);
    }
  }

  const Answer answer_;
  const std::function<void()> on_cancel_;
  int written_ = 0;
  v1::ScanResponse page_;
};

}  // namespace

class FakeCache::Service final : public v1::Cache::CallbackService {
 public:
  explicit Service(FakeCache& cache) : cache_(cache) {}

#define LATCHKEY_FAKE_RPC(Name)                                           \
  grpc::ServerUnaryReactor* Name(grpc::CallbackServerContext* context,    \
                                 const v1::Name##Request* request,        \
                                 v1::Name##Response* response) override { \
    return Handle(#Name, *context, *request, *response);                  \
  }
  LATCHKEY_FAKE_RPC(Get)
  LATCHKEY_FAKE_RPC(BatchGet)
  LATCHKEY_FAKE_RPC(Put)
  LATCHKEY_FAKE_RPC(BatchPut)
  LATCHKEY_FAKE_RPC(Delete)
  LATCHKEY_FAKE_RPC(BatchDelete)
  LATCHKEY_FAKE_RPC(Increment)
  LATCHKEY_FAKE_RPC(Touch)
  LATCHKEY_FAKE_RPC(Move)
  LATCHKEY_FAKE_RPC(Transfer)
  LATCHKEY_FAKE_RPC(Transact)
  LATCHKEY_FAKE_RPC(GetOutcome)
#undef LATCHKEY_FAKE_RPC

  grpc::ServerWriteReactor<v1::ScanResponse>* Scan(
      grpc::CallbackServerContext* context,
      const v1::ScanRequest* request) override {
    return new ScanReactor(
        cache_.Take("Scan", MakeSeen(*context, *request), *context),
        [this] { cache_.OnCancelled(); });
  }

 private:
  template <typename Request, typename Response>
  grpc::ServerUnaryReactor* Handle(const std::string& rpc,
                                   grpc::CallbackServerContext& context,
                                   const Request& request, Response& response) {
    FillResponse(response);
    return new UnaryReactor(
        cache_.Take(rpc, MakeSeen(context, request), context),
        [this] { cache_.OnCancelled(); });
  }

  FakeCache& cache_;
};

grpc::Status MakeStatus(grpc::StatusCode code, const std::string& reason,
                        const std::string& applied) {
  google::rpc::ErrorInfo info;
  info.set_domain("latchkey");
  info.set_reason(reason);
  if (!applied.empty()) (*info.mutable_metadata())["applied"] = applied;
  google::rpc::Status details;
  details.set_code(code);
  details.add_details()->PackFrom(info);
  return {code, "scripted", details.SerializeAsString()};
}

Answer Unavailable() {
  return {.status = {grpc::StatusCode::UNAVAILABLE, "scripted"}};
}

Answer Overloaded(const std::string& pushback_ms) {
  Answer answer{
      .status = MakeStatus(grpc::StatusCode::UNAVAILABLE, "OVERLOADED", "no")};
  if (!pushback_ms.empty()) {
    answer.trailers["grpc-retry-pushback-ms"] = pushback_ms;
  }
  return answer;
}

Answer Held() { return {.hold = true}; }

FakeCache::FakeCache() : service_(std::make_unique<Service>(*this)) {
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                           &port);
  builder.RegisterService(service_.get());
  server_ = builder.BuildAndStart();
  address_ = "127.0.0.1:" + std::to_string(port);
}

FakeCache::~FakeCache() { server_->Shutdown(std::chrono::system_clock::now()); }

void FakeCache::Script(const std::string& rpc, std::deque<Answer> answers) {
  MutexLock lock(mutex_);
  scripts_[rpc] = std::move(answers);
}

void FakeCache::set_stamp(const std::string& stamp) {
  MutexLock lock(mutex_);
  stamp_ = stamp;
}

std::vector<Seen> FakeCache::SeenOf(const std::string& rpc) const {
  MutexLock lock(mutex_);
  const auto found = seen_.find(rpc);
  return found == seen_.end() ? std::vector<Seen>() : found->second;
}

void FakeCache::AwaitSeen(const std::string& rpc, size_t count) const {
  MutexLock lock(mutex_);
  while (!seen_.contains(rpc) || seen_.at(rpc).size() < count) {
    mutex_.ConditionWait(changed_);
  }
}

void FakeCache::AwaitCancelled(int count) const {
  MutexLock lock(mutex_);
  while (cancelled_ < count) mutex_.ConditionWait(changed_);
}

Answer FakeCache::Take(const std::string& rpc, const Seen& seen,
                       grpc::CallbackServerContext& context) {
  MutexLock lock(mutex_);
  seen_[rpc].push_back(seen);
  changed_.notify_all();
  Answer answer;
  std::deque<Answer>& script = scripts_[rpc];
  if (!script.empty()) {
    answer = std::move(script.front());
    script.pop_front();
  }
  // As the server does: to keyed writes, and to calls that ask.  A connection
  // that broke brings no trailers.
  const bool wanted = (rpc != "GetOutcome" && !seen.idempotency_key.empty()) ||
                      seen.stamp == "?";
  const bool broke =
      answer.status.error_code() == grpc::StatusCode::UNAVAILABLE &&
      answer.status.error_details().empty();
  if (wanted && !broke && !stamp_.empty()) {
    context.AddTrailingMetadata("latchkey-stamp", stamp_);
  }
  for (const auto& [name, value] : answer.trailers) {
    context.AddTrailingMetadata(name, value);
  }
  return answer;
}

void FakeCache::OnCancelled() {
  MutexLock lock(mutex_);
  ++cancelled_;
  changed_.notify_all();
}

}  // namespace latchkey::client
