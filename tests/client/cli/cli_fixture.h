// A test that uses `latchkey` as a user does, against a server that answers
// what the test says and keeps what it was asked.
//
// Example:
//   TEST_F(CliTest, PutsAValue) {
//     Answer<v1::PutResponse>("version: 7");
//     EXPECT_EQ(Cli({"put", "key", "value"}).exit_code, 0);
//     ExpectAsked<v1::PutRequest>("key: 'key' value: 'value'");
//   }

#ifndef LATCHKEY_TESTS_CLIENT_CLI_CLI_FIXTURE_H_
#define LATCHKEY_TESTS_CLIENT_CLI_CLI_FIXTURE_H_

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/message_differencer.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

#include "client/cli/run.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "latchkey/v1/admin.grpc.pb.h"
#include "latchkey/v1/cache.grpc.pb.h"

namespace latchkey::client {

// What the test says and what was asked.  Thread safety: all methods may be
// called from any thread.
class Script {
 public:
  void Answer(std::unique_ptr<google::protobuf::Message> response) {
    const std::lock_guard lock(mutex_);
    response_ = std::move(response);
  }

  void Fail(const grpc::Status& status) {
    const std::lock_guard lock(mutex_);
    status_ = status;
  }

  // From now on calls wait until Release().
  void Hold() {
    const std::lock_guard lock(mutex_);
    held_ = true;
  }

  void Release() {
    const std::lock_guard lock(mutex_);
    held_ = false;
    released_.notify_all();
  }

  std::vector<std::unique_ptr<google::protobuf::Message>> TakeRequests() {
    const std::lock_guard lock(mutex_);
    return std::move(requests_);
  }

  // Whether the answer is a Response.
  template <typename Response>
  bool AnswersWith() {
    const std::lock_guard lock(mutex_);
    return response_ != nullptr &&
           response_->GetDescriptor() == Response::descriptor();
  }

  grpc::Status Play(const google::protobuf::Message& request,
                    google::protobuf::Message& response) {
    std::unique_lock lock(mutex_);
    requests_.emplace_back(request.New())->CopyFrom(request);
    released_.wait(lock, [this] { return !held_; });
    if (response_ != nullptr) response.CopyFrom(*response_);
    return status_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable released_;
  // Guarded by mutex_.
  bool held_ = false;
  grpc::Status status_;
  std::unique_ptr<google::protobuf::Message> response_;
  std::vector<std::unique_ptr<google::protobuf::Message>> requests_;
};

class ScriptedHealth final : public grpc::health::v1::Health::Service {
 public:
  explicit ScriptedHealth(Script& script) : script_(script) {}

  grpc::Status Check(grpc::ServerContext*,
                     const grpc::health::v1::HealthCheckRequest* request,
                     grpc::health::v1::HealthCheckResponse* response) override {
    return script_.Play(*request, *response);
  }

 private:
  Script& script_;
};

class ScriptedAdmin final : public v1::Admin::Service {
 public:
  explicit ScriptedAdmin(Script& script) : script_(script) {}

  grpc::Status GetStats(grpc::ServerContext*,
                        const v1::GetStatsRequest* request,
                        v1::GetStatsResponse* response) override {
    return script_.Play(*request, *response);
  }

 private:
  Script& script_;
};

class ScriptedCache final : public v1::Cache::Service {
 public:
  explicit ScriptedCache(Script& script) : script_(script) {}

#define LATCHKEY_SCRIPTED(method)                                             \
  grpc::Status method(grpc::ServerContext*, const v1::method##Request* asked, \
                      v1::method##Response* answer) override {                \
    return script_.Play(*asked, *answer);                                     \
  }
  LATCHKEY_SCRIPTED(Get)
  LATCHKEY_SCRIPTED(BatchGet)
  LATCHKEY_SCRIPTED(Put)
  LATCHKEY_SCRIPTED(BatchPut)
  LATCHKEY_SCRIPTED(Delete)
  LATCHKEY_SCRIPTED(BatchDelete)
  LATCHKEY_SCRIPTED(Increment)
  LATCHKEY_SCRIPTED(Touch)
  LATCHKEY_SCRIPTED(Move)
  LATCHKEY_SCRIPTED(Transfer)
  LATCHKEY_SCRIPTED(Transact)
#undef LATCHKEY_SCRIPTED

  // Before a write, the client asks this for a stamp.  That is no part of the
  // script, which answers where the test is about GetOutcome.
  grpc::Status GetOutcome(grpc::ServerContext*,
                          const v1::GetOutcomeRequest* request,
                          v1::GetOutcomeResponse* response) override {
    if (!script_.AnswersWith<v1::GetOutcomeResponse>()) return {};
    return script_.Play(*request, *response);
  }

  // Sends the one answer, also before an error.
  grpc::Status Scan(grpc::ServerContext*, const v1::ScanRequest* request,
                    grpc::ServerWriter<v1::ScanResponse>* writer) override {
    v1::ScanResponse page;
    const grpc::Status status = script_.Play(*request, page);
    writer->Write(page);
    return status;
  }

 private:
  Script& script_;
};

struct CliResult {
  int exit_code = 0;
  std::string out;
  std::string err;
};

// The program with exactly these arguments.
inline CliResult RunProgram(const std::vector<std::string>& arguments,
                            const std::string& input = "") {
  std::vector<const char*> argv = {"latchkey"};
  for (const std::string& argument : arguments) {
    argv.push_back(argument.c_str());
  }
  std::istringstream in(input);
  std::ostringstream out;
  std::ostringstream err;
  const int exit_code =
      Run(static_cast<int>(argv.size()), argv.data(), in, out, err);
  return {exit_code, out.str(), err.str()};
}

// A UUID of version 7.
inline auto IsMadeKey() {
  return ::testing::MatchesRegex(
      "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
}

class CliTest : public ::testing::Test {
 protected:
  CliTest() : admin_(script_), cache_(script_), health_(script_) {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                             &port);
    builder.RegisterService(&admin_);
    builder.RegisterService(&cache_);
    builder.RegisterService(&health_);
    server_ = builder.BuildAndStart();
    address_ = "127.0.0.1:" + std::to_string(port);
  }

  ~CliTest() override {
    script_.Release();
    server_->Shutdown();
  }

  // The program against this server, with time enough for a slow machine.
  CliResult Cli(const std::vector<std::string>& arguments,
                const std::string& input = "") {
    std::vector<std::string> all = {"--server", address_, "--timeout", "60s"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return RunProgram(all, input);
  }

  // From now on the server answers with this message in text format.
  template <typename Response>
  void Answer(const std::string& text) {
    script_.Answer(std::make_unique<Response>(Parse<Response>(text)));
  }

  // The server was asked exactly once, exactly this; where `text` has no
  // idempotency key, a write had one that the program made.
  template <typename Request>
  void ExpectAsked(const std::string& text) {
    const auto requests = script_.TakeRequests();
    ASSERT_EQ(requests.size(), 1u);
    const Request expected = Parse<Request>(text);
    ASSERT_EQ(requests[0]->GetTypeName(), expected.GetTypeName());
    if constexpr (requires { expected.idempotency_key(); }) {
      if (expected.idempotency_key().empty()) {
        auto& asked = static_cast<Request&>(*requests[0]);
        EXPECT_THAT(asked.idempotency_key(), IsMadeKey());
        asked.clear_idempotency_key();
      }
    }
    EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(
        expected, *requests[0]))
        << "asked: " << requests[0]->ShortDebugString()
        << "\nexpected: " << expected.ShortDebugString();
  }

  void ExpectNotAsked() { EXPECT_EQ(script_.TakeRequests().size(), 0u); }

  // Wrong use that is seen before anything is sent.
  void ExpectUsageError(const std::vector<std::string>& arguments,
                        const std::string& part_of_message,
                        const std::string& input = "") {
    const CliResult result = Cli(arguments, input);
    EXPECT_EQ(result.exit_code, 2) << result.err;
    EXPECT_NE(result.err.find(part_of_message), std::string::npos)
        << result.err;
    EXPECT_EQ(result.out, "");
    ExpectNotAsked();
  }

  template <typename Message>
  static Message Parse(const std::string& text) {
    Message message;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message))
        << text;
    return message;
  }

  Script script_;
  std::string address_;

 private:
  ScriptedAdmin admin_;
  ScriptedCache cache_;
  ScriptedHealth health_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace latchkey::client

#endif  // LATCHKEY_TESTS_CLIENT_CLI_CLI_FIXTURE_H_
