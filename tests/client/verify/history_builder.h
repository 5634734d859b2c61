// HistoryBuilder writes a history down as a test tells it, in small numbers:
// who did what from when to when, and what was answered.
//
//   HistoryBuilder history;
//   history.Ok(1, {0, 10}, PutOf("k", "v"), Wrote(101));
//   history.Ok(2, {20, 30}, GetOf("k"), Shows("k", "v", 101));
//
// Thread safety: an instance belongs to one thread.

#ifndef LATCHKEY_TESTS_CLIENT_VERIFY_HISTORY_BUILDER_H_
#define LATCHKEY_TESTS_CLIENT_VERIFY_HISTORY_BUILDER_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "client/verify/history.h"
#include "client/verify/messages.h"
#include "latchkey/v1/cache.pb.h"

namespace latchkey::verify {

struct Times {
  int64_t start;
  int64_t end;
};

template <typename Request>
Method MethodOf() {
  for (size_t i = 0; i < kMethods; ++i) {
    const auto method = static_cast<Method>(i);
    const bool same = VisitMethod(method, []<typename Types>(Types) {
      return std::is_same_v<typename Types::Request, Request>;
    });
    if (same) return method;
  }
  return Method::kGet;
}

// Where one is not given: the write has no copies.
inline constexpr std::string_view kNoKey = "";

class HistoryBuilder {
 public:
  template <typename Request, typename Response>
  void Ok(uint32_t process, Times times, const Request& request,
          const Response& response, std::string_view key = kNoKey,
          bool replayed = false) {
    const std::string request_bytes = request.SerializeAsString();
    const std::string response_bytes = response.SerializeAsString();
    history_.recorder(0).Add({.process = process,
                              .method = MethodOf<Request>(),
                              .replayed = replayed,
                              .start = times.start,
                              .end = times.end,
                              .idempotency_key = key,
                              .request = request_bytes,
                              .response = response_bytes});
  }

  // Nothing was changed, for this reason.
  template <typename Request>
  void Refused(uint32_t process, Times times, const Request& request,
               const EventError& error, std::string_view key = kNoKey,
               bool replayed = false) {
    AddError(process, times, request, error, EventOutcome::kNotApplied, key,
             replayed);
  }

  template <typename Request>
  void Unknown(uint32_t process, Times times, const Request& request,
               std::string_view key = kNoKey) {
    AddError(process, times, request, {"UNAVAILABLE", "", {}},
             EventOutcome::kUnknown, key, false);
  }

  const History& history() const { return history_; }

 private:
  template <typename Request>
  void AddError(uint32_t process, Times times, const Request& request,
                const EventError& error, EventOutcome outcome,
                std::string_view key, bool replayed) {
    const std::string request_bytes = request.SerializeAsString();
    history_.recorder(0).Add({.process = process,
                              .method = MethodOf<Request>(),
                              .outcome = outcome,
                              .replayed = replayed,
                              .start = times.start,
                              .end = times.end,
                              .idempotency_key = key,
                              .request = request_bytes,
                              .error = &error});
  }

  History history_;
};

// --- Requests ----------------------------------------------------------------

inline v1::GetRequest GetOf(std::string key) {
  v1::GetRequest get;
  get.set_key(std::move(key));
  return get;
}

inline v1::BatchGetRequest BatchGetOf(const std::vector<std::string>& keys,
                                      bool atomic) {
  v1::BatchGetRequest request;
  request.set_atomic(atomic);
  for (const std::string& key : keys) request.add_keys(key);
  return request;
}

inline v1::PutRequest PutOf(std::string key, std::string value) {
  v1::PutRequest put;
  put.set_key(std::move(key));
  put.set_value(std::move(value));
  return put;
}

inline v1::PutRequest PutIfVersion(std::string key, std::string value,
                                   uint64_t version) {
  v1::PutRequest put = PutOf(std::move(key), std::move(value));
  put.mutable_precondition()->set_version(version);
  return put;
}

inline v1::DeleteRequest DeleteOf(std::string key) {
  v1::DeleteRequest del;
  del.set_key(std::move(key));
  return del;
}

inline v1::IncrementRequest IncrementOf(std::string key, int64_t delta) {
  v1::IncrementRequest increment;
  increment.set_key(std::move(key));
  increment.set_delta(delta);
  increment.set_initial(0);
  return increment;
}

inline v1::MoveRequest MoveOf(std::string source, std::string destination) {
  v1::MoveRequest move;
  move.set_source_key(std::move(source));
  move.set_destination_key(std::move(destination));
  return move;
}

// --- Answers -----------------------------------------------------------------

inline v1::Entry EntryOf(std::string key, std::string value, uint64_t version) {
  v1::Entry entry;
  entry.set_key(std::move(key));
  entry.set_value(std::move(value));
  entry.set_version(version);
  return entry;
}

inline v1::GetResponse Shows(std::string key, std::string value,
                             uint64_t version) {
  v1::GetResponse answer;
  *answer.mutable_entry() = EntryOf(std::move(key), std::move(value), version);
  return answer;
}

inline v1::GetResponse Misses() { return {}; }

inline v1::BatchGetResponse ShowAll(const std::vector<v1::GetResponse>& results,
                                    uint64_t snapshot_version) {
  v1::BatchGetResponse answer;
  answer.set_snapshot_version(snapshot_version);
  for (const v1::GetResponse& result : results) *answer.add_results() = result;
  return answer;
}

inline v1::PutResponse Wrote(uint64_t version) {
  v1::PutResponse answer;
  answer.set_version(version);
  return answer;
}

inline v1::DeleteResponse Deleted(uint64_t version) {
  v1::DeleteResponse answer;
  answer.set_deleted(true);
  answer.set_version(version);
  return answer;
}

inline v1::IncrementResponse Counted(int64_t value, uint64_t version) {
  v1::IncrementResponse answer;
  answer.set_value(value);
  answer.set_version(version);
  return answer;
}

inline v1::MoveResponse Moved(uint64_t version) {
  v1::MoveResponse answer;
  answer.set_version(version);
  return answer;
}

inline EventError PreconditionFailed(uint64_t current_version) {
  return {"ABORTED",
          "PRECONDITION_FAILED",
          {{"current_version", std::to_string(current_version)},
           {"applied", "no"}}};
}

inline EventError Reused() {
  return {"FAILED_PRECONDITION", "IDEMPOTENCY_KEY_REUSED", {{"applied", "no"}}};
}

inline EventError Overloaded() {
  return {"UNAVAILABLE", "OVERLOADED", {{"applied", "no"}}};
}

}  // namespace latchkey::verify

#endif  // LATCHKEY_TESTS_CLIENT_VERIFY_HISTORY_BUILDER_H_
