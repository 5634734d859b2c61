// Session is one run of `latchkey`: its streams, the options that every command
// shares, and the way to the server.
//
// Thread safety: belongs to the thread that made it.
//
// Example:
//   v1::TouchResponse response;
//   const ExitCode code =
//       session.Call("Touch", &v1::Cache::Stub::Touch, request, response);
//   if (code != ExitCode::kOk) return code;   // has been reported
//   session.Print(response);

#ifndef LATCHKEY_CLIENT_CLI_SESSION_H_
#define LATCHKEY_CLIENT_CLI_SESSION_H_

#include <google/protobuf/message.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <chrono>
#include <istream>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/exit_code.h"
#include "latchkey/v1/cache.grpc.pb.h"

namespace latchkey::client {

// The options of the program itself, as they were written.
struct GlobalOptions {
  std::string server = "127.0.0.1:7411";
  std::string timeout = "1s";
  std::string key_encoding = "text";
  std::string value_encoding = "text";
  bool json = false;
  bool verbose = false;
};

// A unary method of the generated client.
template <typename Request, typename Response>
using CacheMethod = grpc::Status (v1::Cache::Stub::*)(grpc::ClientContext*,
                                                      const Request&,
                                                      Response*);

class Session {
 public:
  // `out` is treated as a terminal where it is std::cout on one.  The streams
  // must outlive the session.
  Session(std::istream& in, std::ostream& out, std::ostream& err);

  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Filled by the parser before anything below is called.
  GlobalOptions& options() { return options_; }

  std::istream& in() { return in_; }
  std::ostream& out() { return out_; }
  bool json() const { return options_.json; }
  bool verbose() const { return options_.verbose; }
  bool out_is_terminal() const { return out_is_terminal_; }

  // The bytes of a key, or of a value given as an argument.
  absl::StatusOr<std::string> DecodeKey(const std::string& text) const;
  absl::StatusOr<std::string> DecodeValue(const std::string& text) const;

  // All of the file `path`, or of the input for "-".
  absl::StatusOr<std::string> ReadAll(const std::string& path);

  // Sends a request and waits.  Where the result is not kOk, the failure has
  // been reported.
  template <typename Request, typename Response>
  ExitCode Call(std::string_view name, CacheMethod<Request, Response> method,
                const Request& request, Response& response) {
    if (const ExitCode code = Connect(); code != ExitCode::kOk) return code;
    const std::unique_ptr<v1::Cache::Stub> stub = v1::Cache::NewStub(channel_);
    grpc::ClientContext context;
    StartCall(context);
    return FinishCall(name, ((*stub).*method)(&context, request, &response));
  }

  // The three parts of Call, for calls of another shape.  Connect() comes
  // first; channel() is set when it returned kOk.
  ExitCode Connect();
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  void StartCall(grpc::ClientContext& context);
  ExitCode FinishCall(std::string_view name, const grpc::Status& status);

  // Writes a response as JSON or as lines.
  void Print(const google::protobuf::Message& response);
  void PrintJson(const google::protobuf::Message& response);

  // Writes one line for the user, not for a program.
  void Note(std::string_view text);

  // Reports wrong use.
  ExitCode UsageError(const absl::Status& status);

 private:
  GlobalOptions options_;
  std::istream& in_;
  std::ostream& out_;
  std::ostream& err_;
  const bool out_is_terminal_;
  std::shared_ptr<grpc::Channel> channel_;
  std::chrono::nanoseconds timeout_{0};
  std::chrono::steady_clock::time_point call_start_;
};

}  // namespace latchkey::client

#endif  // LATCHKEY_CLIENT_CLI_SESSION_H_
