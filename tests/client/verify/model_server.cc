#include "tests/client/verify/model_server.h"

#include <map>
#include <type_traits>
#include <utility>

namespace latchkey::verify {
namespace {

// The gRPC code of a name.
int CodeNumber(const std::string& name) {
  static const std::map<std::string, int> numbers = {
      {"NOT_FOUND", 5},       {"ALREADY_EXISTS", 6}, {"FAILED_PRECONDITION", 9},
      {"ABORTED", 10},        {"OUT_OF_RANGE", 11},  {"UNAVAILABLE", 14},
      {"INVALID_ARGUMENT", 3}};
  return numbers.at(name);
}

EventError ErrorOf(const ModelError& refusal) {
  EventError error = {std::string(CodeOf(refusal.reason)),
                      std::string(refusal.reason),
                      {{"applied", "no"}}};
  if (refusal.current_version) {
    error.metadata["current_version"] =
        std::to_string(*refusal.current_version);
  }
  if (refusal.index) error.metadata["index"] = std::to_string(*refusal.index);
  return error;
}

EventError KeyError(const std::string& reason) {
  return {"FAILED_PRECONDITION", reason, {{"applied", "no"}}};
}

}  // namespace

bool ModelServer::Wrong(Fault fault) {
  return fault == fault_ && ++occasions_ % every_ == 0;
}

void ModelServer::Restart() {
  state_.entries.clear();
  before_.entries.clear();
  ledger_.clear();
  version_ += 1'000'000;
}

ModelServer::Answer ModelServer::Handle(Method method,
                                        const std::string& request) {
  if (method == Method::kGetOutcome) {
    v1::GetOutcomeRequest parsed;
    ParseMessage(request, &parsed);
    return GetOutcome(parsed);
  }
  return IsWrite(method) ? Write(method, request) : Run(method, request);
}

ModelServer::Answer ModelServer::GetOutcome(
    const v1::GetOutcomeRequest& request) {
  v1::GetOutcomeResponse response;
  const auto found = ledger_.find(request.idempotency_key());
  if (found == ledger_.end()) {
    if (request.fence()) {
      ledger_[request.idempotency_key()] = {Method::kGetOutcome, "", {}};
      response.set_state(v1::GetOutcomeResponse::NOT_APPLIED);
    }
  } else if (!found->second.answer) {
    response.set_state(v1::GetOutcomeResponse::NOT_APPLIED);
  } else {
    const Record& record = found->second;
    response.set_state(v1::GetOutcomeResponse::DONE);
    response.set_method(std::string(MethodPath(record.method)));
    response.set_response(record.answer->response);
    if (record.answer->error) {
      response.set_code(CodeNumber(record.answer->error->code));
    }
  }
  return {.error = {}, .response = response.SerializeAsString()};
}

ModelServer::Answer ModelServer::Write(Method method,
                                       const std::string& bytes) {
  ++writes_;
  // Key and request without the key.
  std::string key;
  const std::string request =
      VisitMethod(method, [&]<typename Types>(Types) -> std::string {
        typename Types::Request parsed;
        ParseMessage(bytes, &parsed);
        if constexpr (requires { parsed.clear_idempotency_key(); }) {
          key = parsed.idempotency_key();
          parsed.clear_idempotency_key();
        }
        return parsed.SerializeAsString();
      });
  if (key.empty()) return Run(method, request);
  const auto found = ledger_.find(key);
  if (found != ledger_.end()) {
    const Record& record = found->second;
    if (!record.answer) {
      return {.error = KeyError("IDEMPOTENCY_KEY_FENCED"), .response = ""};
    }
    const bool same = record.method == method && record.request == request;
    if (!same && !Wrong(Fault::kIgnoresFingerprints)) {
      return {.error = KeyError("IDEMPOTENCY_KEY_REUSED"), .response = ""};
    }
    Answer answer = *record.answer;
    if (Wrong(Fault::kReplaysAnother)) answer = *ledger_.begin()->second.answer;
    answer.replayed = true;
    return answer;
  }
  Answer answer = Run(method, request);
  if (Wrong(Fault::kDeniesWrites)) {
    return {.error = EventError{"DEADLINE_EXCEEDED",
                                "EXPIRED_BEFORE_COMMIT",
                                {{"applied", "no"}}},
            .response = ""};
  }
  if (!Wrong(Fault::kForgetsRecords)) ledger_[key] = {method, request, answer};
  return answer;
}

ModelServer::Answer ModelServer::Run(Method method, const std::string& bytes) {
  return VisitMethod(method, [&]<typename Types>(Types types) {
    ParseMessage(bytes, &messages_.Get<typename Types::Request>());
    return RunTyped<decltype(types)>(method);
  });
}

uint64_t ModelServer::NextVersion() {
  if (owed_version_ != 0) return std::exchange(owed_version_, 0);
  const uint64_t next = version_ + 1;
  if (Wrong(Fault::kSharesVersions)) return next;
  ++version_;
  if (Wrong(Fault::kSkipsVersions)) return ++version_;
  if (Wrong(Fault::kSwapsVersions)) {
    owed_version_ = next;
    return ++version_;
  }
  return next;
}

template <typename Request>
void ModelServer::Distort(Request* request) {
  if constexpr (requires { request->clear_precondition(); }) {
    if (request->has_precondition() && Wrong(Fault::kIgnoresPreconditions)) {
      request->clear_precondition();
    }
  }
  if constexpr (std::is_same_v<Request, v1::PutRequest>) {
    if (request->flags() != 0 && Wrong(Fault::kLosesFlags)) {
      request->clear_flags();
    }
  }
}

template <typename Response>
void ModelServer::DistortAnswer(Response* response) {
  if constexpr (std::is_same_v<Response, v1::GetResponse>) {
    if (!response->has_entry()) return;
    v1::Entry& entry = *response->mutable_entry();
    const ModelEntry* const old = before_.Find(entry.key());
    if (old != nullptr && Wrong(Fault::kStaleRead)) {
      entry.set_value(old->value);
      entry.set_version(old->version);
    }
    if (Wrong(Fault::kAltersAnswers)) entry.mutable_value()->append("x");
  }
  if constexpr (std::is_same_v<Response, v1::BatchGetResponse>) {
    v1::GetResponse* const last =
        response->mutable_results(response->results_size() - 1);
    if (!last->has_entry()) return;
    const ModelEntry* const old = before_.Find(last->entry().key());
    if (old != nullptr && Wrong(Fault::kTornRead)) {
      last->mutable_entry()->set_value(old->value);
      last->mutable_entry()->set_version(old->version);
    }
  }
}

template <typename Types>
ModelServer::Answer ModelServer::RunTyped(Method method) {
  using Request = typename Types::Request;
  Answer answer;
  if constexpr (!std::is_same_v<Request, v1::GetOutcomeRequest>) {
    auto& request = messages_.Get<Request>();
    Distort(&request);
    const int times = IsWrite(method) && Wrong(Fault::kAppliesTwice) ? 2 : 1;
    for (int i = 0; i < times; ++i) {
      // Whether it is a commit, and takes a version, shows when it is done.
      ModelChanges trial(state_);
      typename Types::Response response;
      Refusal refusal = Execute(request, version_ + 1, &trial, &response);
      if (refusal) {
        answer.error = ErrorOf(*refusal);
        return answer;
      }
      ModelChanges changes(state_);
      response.Clear();
      const uint64_t version = trial.all().empty() ? 0 : NextVersion();
      Execute(request, version, &changes, &response);
      if (version != 0) Commit(changes, method);
      if constexpr (requires { request.atomic(); }) {
        if (request.atomic()) response.set_snapshot_version(version_);
      }
      DistortAnswer(&response);
      answer.response = response.SerializeAsString();
    }
  }
  return answer;
}

void ModelServer::Commit(const ModelChanges& changes, Method method) {
  if (Wrong(Fault::kLosesWrites)) return;
  for (const auto& [name, entry] : changes.all()) {
    const std::string key(name);
    const auto old = state_.entries.find(key);
    if (old != state_.entries.end()) before_.entries[key] = old->second;
    if (entry) {
      state_.entries[key] = *entry;
    } else if (method != Method::kMove || !Wrong(Fault::kHalvesMoves)) {
      state_.entries.erase(key);
    }
  }
}

}  // namespace latchkey::verify
