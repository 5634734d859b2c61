// Session is one run of `latchkey`: its streams, the options that every command
// shares, and the way to the server.
//
// Thread safety: belongs to the thread that made it.
//
// Example:
//   v1::TouchResponse response;
//   const ExitCode code = session.Call(&Client::Touch, request, response);
//   if (code != ExitCode::kOk) return code;   // has been reported
//   session.Print(response);

#ifndef LATCHKEY_CLIENT_CLI_SESSION_H_
#define LATCHKEY_CLIENT_CLI_SESSION_H_

#include <google/protobuf/message.h>
#include <grpcpp/channel.h>

#include <chrono>
#include <functional>
#include <istream>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/exit_code.h"
#include "client/lib/client.h"
#include "client/lib/tls.h"

namespace latchkey::client {

// The options of the program itself, as they were written.
struct GlobalOptions {
  std::string server = "127.0.0.1:7411";
  // Any of the options of `tls`, or a name, asks for TLS too.
  bool use_tls = false;
  TlsOptions tls;
  std::string tls_server_name;
  std::string token_file;
  std::string timeout = "1s";
  bool timeout_given = false;
  std::string hedge = "never";
  bool no_retry = false;
  std::string key_encoding = "text";
  std::string value_encoding = "text";
  bool json = false;
  bool verbose = false;
};

// A unary method of Client.
template <typename Request, typename Response>
using ClientMethod = Result<Response> (Client::*)(Request, const CallOptions&);

class Session {
 public:
  // `out` and `err` are treated as terminals where they are std::cout and
  // std::cerr on one.  The streams must outlive the session.
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
  bool err_is_terminal() const { return err_is_terminal_; }

  // Where a long command says how it is getting on.  Null: nowhere.
  std::ostream* progress_out() { return err_is_terminal_ ? &err_ : nullptr; }

  // The bytes of a key, or of a value given as an argument.
  absl::StatusOr<std::string> DecodeKey(const std::string& text) const;
  absl::StatusOr<std::string> DecodeValue(const std::string& text) const;

  // All of the file `path`, or of the input for "-".
  absl::StatusOr<std::string> ReadAll(const std::string& path);

  // Calls the server as the options say, and waits.  Where the result is not
  // kOk, the failure has been reported.
  template <typename Request, typename Response>
  ExitCode Call(ClientMethod<Request, Response> method, const Request& request,
                Response& response) {
    std::string name = Request::descriptor()->name();
    name.resize(name.size() - std::string_view("Request").size());
    return CallWith(name, [&](Client& client, const CallOptions& options) {
      Result<Response> result = (client.*method)(request, options);
      response = std::move(result.response);
      return CallResult(std::move(result));
    });
  }

  // Call(), for a method of another shape; `name` is the RPC's.
  ExitCode CallWith(
      std::string_view name,
      const std::function<CallResult(Client&, const CallOptions&)>& call);

  // The parts of CallWith(), for another service.  Connect() comes first, and
  // the call has started when it returned kOk; Finish() reports how it ended.
  ExitCode Connect();
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  std::chrono::system_clock::time_point Deadline() const;
  ExitCode Finish(std::string_view name, const CallResult& result);

  // Writes a response as JSON or as lines.
  void Print(const google::protobuf::Message& response);
  void PrintJson(const google::protobuf::Message& response);

  // Writes one line for the user, not for a program.
  void Note(std::string_view text);

  // Reports wrong use.
  ExitCode UsageError(const absl::Status& status);

 private:
  // Says how the call went.
  // The options by which another command reaches the same server.
  std::vector<std::string> ConnectionWords() const;
  void NoteCall(std::string_view name, const CallResult& result);

  GlobalOptions options_;
  std::istream& in_;
  std::ostream& out_;
  std::ostream& err_;
  const bool out_is_terminal_;
  const bool err_is_terminal_;
  // Set by Connect().
  std::shared_ptr<grpc::Channel> channel_;
  CallOptions call_options_;
  std::chrono::steady_clock::time_point call_start_;
};

}  // namespace latchkey::client

#endif  // LATCHKEY_CLIENT_CLI_SESSION_H_
