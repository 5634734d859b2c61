// Histories as tests write them: events of a few sorts, by number of their
// append or key, with times in any unit.
//
// Thread safety: an instance belongs to one thread.
//
// Example:
//   Recorded recorded;
//   recorded.Append(1, {.start = 10, .end = 20, .version = 101});
//   recorded.ReadLog("4", {.start = 30, .end = 40});

#ifndef LATCHKEY_TESTS_STRESS_RECORDED_H_
#define LATCHKEY_TESTS_STRESS_RECORDED_H_

#include <cstdint>
#include <optional>
#include <string>

#include "client/verify/history.h"
#include "latchkey/v1/cache.pb.h"

namespace latchkey::stress {

struct When {
  int64_t start = 0;
  int64_t end = 0;
  // 0: none, where the outcome is not kOk.
  uint64_t version = 0;
  verify::EventOutcome outcome = verify::EventOutcome::kOk;
};

inline constexpr char kLog[] = "log/1/a";

class Recorded {
 public:
  // Write `digit` to the log, under idempotency key "a<digit>".
  void Append(int digit, const When& when) {
    v1::IncrementRequest request;
    request.set_key(kLog);
    request.set_delta(int64_t{1} << (2 * digit));
    request.set_initial(0);
    request.set_idempotency_key("a" + std::to_string(digit));
    v1::IncrementResponse response;
    response.set_version(when.version);
    Add(verify::Method::kIncrement, request, response,
        request.idempotency_key(), when);
  }

  void Put(const std::string& key, const std::string& value, const When& when) {
    v1::PutRequest request;
    request.set_key(key);
    request.set_value(value);
    request.set_idempotency_key("p" + std::to_string(when.start));
    v1::PutResponse response;
    response.set_version(when.version);
    Add(verify::Method::kPut, request, response, request.idempotency_key(),
        when);
  }

  // `value`: nothing where the key is missing.
  void Get(const std::string& key, const std::optional<std::string>& value,
           const When& when) {
    v1::GetRequest request;
    request.set_key(key);
    v1::GetResponse response;
    if (value.has_value()) {
      response.mutable_entry()->set_key(key);
      response.mutable_entry()->set_value(*value);
      response.mutable_entry()->set_version(when.version);
    }
    Add(verify::Method::kGet, request, response, "", when);
  }

  void ReadLog(const std::optional<std::string>& value, const When& when) {
    Get(kLog, value, when);
  }

  const verify::History& history() const { return history_; }

 private:
  void Add(verify::Method method, const google::protobuf::MessageLite& request,
           const google::protobuf::MessageLite& response,
           const std::string& idempotency_key, const When& when) {
    const std::string request_bytes = request.SerializeAsString();
    const std::string response_bytes = response.SerializeAsString();
    const verify::EventError error = {.code = "UNAVAILABLE"};
    const bool ok = when.outcome == verify::EventOutcome::kOk;
    history_.recorder(0).Add({.method = method,
                              .outcome = when.outcome,
                              .start = when.start,
                              .end = when.end,
                              .idempotency_key = idempotency_key,
                              .request = request_bytes,
                              .response = ok ? response_bytes : "",
                              .error = ok ? nullptr : &error});
  }

  verify::History history_;
};

}  // namespace latchkey::stress

#endif  // LATCHKEY_TESTS_STRESS_RECORDED_H_
