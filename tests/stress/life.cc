#include "tests/stress/life.h"

#include <grpcpp/client_context.h>
#include <grpcpp/impl/codegen/client_unary_call.h>
#include <grpcpp/impl/codegen/rpc_method.h>
#include <grpcpp/support/byte_buffer.h>

#include <chrono>
#include <csignal>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "client/lib/channel.h"
#include "latchkey/v1/cache.pb.h"
#include "tests/stress/answers.h"

namespace latchkey::stress {
namespace {

using verify::Method;

// Of a server that has just started, or has nothing else to do.
constexpr std::chrono::seconds kPatience(30);

constexpr char kFirstKey[] = "first";

int64_t Now() {
  return std::chrono::nanoseconds(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// Calls `method` with the metadata `latchkey-stamp: stamp`; `new_stamp` is the
// one that the answer brings.
grpc::Status CallWithStamp(grpc::Channel& channel, Method method,
                           std::string_view request, const std::string& stamp,
                           std::string* response, std::string* new_stamp) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  context.set_wait_for_ready(true);
  if (!stamp.empty()) context.AddMetadata("latchkey-stamp", stamp);
  const std::string path(verify::MethodPath(method));
  const grpc::Slice slice(request.data(), request.size());
  grpc::ByteBuffer answer;
  const grpc::Status status = grpc::internal::BlockingUnaryCall(
      &channel,
      grpc::internal::RpcMethod(path.c_str(),
                                grpc::internal::RpcMethod::NORMAL_RPC),
      &context, grpc::ByteBuffer(&slice, 1), &answer);
  grpc::Slice flat;
  if (status.ok() && answer.DumpToSingleSlice(&flat).ok()) {
    response->assign(reinterpret_cast<const char*>(flat.begin()), flat.size());
  }
  const auto& trailers = context.GetServerTrailingMetadata();
  const auto found = trailers.find("latchkey-stamp");
  if (found != trailers.end()) {
    new_stamp->assign(found->second.data(), found->second.size());
  }
  return status;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Life>> Life::Start(const std::string& latchkeyd,
                                                  uint64_t number) {
  auto process = ChildProcess::Start(
      {.program = latchkeyd,
       .arguments = {"--listen=127.0.0.1:0", "--log-level=warn"},
       .capture_errors = false});
  if (!process.ok()) return process.status();
  const std::string line = (*process)->ReadLine();
  constexpr std::string_view kListening = "listening ";
  if (!absl::StartsWith(line, std::string(kListening))) {
    return absl::UnavailableError(
        absl::StrCat(latchkeyd, " did not start; it said '", line, "'"));
  }
  std::unique_ptr<Life> life(
      new Life(number, *std::move(process), line.substr(kListening.size())));
  const absl::Status begun = life->Begin();
  if (!begun.ok()) return begun;
  return life;
}

Life::Life(uint64_t number, std::unique_ptr<ChildProcess> process,
           std::string address)
    : number_(number),
      process_(std::move(process)),
      address_(std::move(address)) {}

absl::Status Life::Begin() {
  // A channel of its own for each life.
  channel_ = client::MakeChannel(
      address_, {.distinct_id = static_cast<int>(number_), .retries = false});
  v1::PutRequest put;
  put.set_key(kFirstKey);
  put.set_value(std::to_string(number_));
  first_request_ = put.SerializeAsString();
  first_event_.start = Now();
  const grpc::Status status = CallWithStamp(
      *channel_, Method::kPut, first_request_, "?", &first_response_, &stamp_);
  first_event_.end = Now();
  if (!status.ok() || stamp_.empty()) {
    return absl::UnavailableError(
        absl::StrCat("the first write to a new server: ",
                     status.ok() ? "no stamp" : status.error_message()));
  }
  first_event_.method = Method::kPut;
  first_event_.request = first_request_;
  first_event_.response = first_response_;
  first_version_ = CommitVersion(Method::kPut, first_response_);
  return absl::OkStatus();
}

grpc::Status Life::Send(Method method, std::string_view request,
                        const std::string& stamp, std::string* response) {
  std::string new_stamp;
  return CallWithStamp(*channel_, method, request, stamp, response, &new_stamp);
}

void Life::Stop() {
  stopped_ = true;
  process_->Signal(SIGSTOP);
}

void Life::Continue() {
  stopped_ = false;
  process_->Signal(SIGCONT);
}

void Life::Kill() {
  process_->Kill();
  stopped_ = false;
}

}  // namespace latchkey::stress
