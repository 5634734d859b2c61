#include "server/service/scan_handler.h"

#include <optional>

#include "server/base/error.h"
#include "server/runtime/deadline.h"
#include "server/service/encode.h"
#include "server/service/keyed_writes.h"
#include "server/service/request_parsing.h"
#include "server/service/stream_end.h"

namespace latchkey {
namespace {

// How long a client should wait that was refused because there are too many
// snapshots: most of them end within that time.
constexpr char kRetryPushbackMs[] = "1000";

}  // namespace

ScanHandler::ScanHandler(Store& store, const Clock& clock,
                         const Decoder& decoder, Call& call)
    : store_(store), clock_(clock), decoder_(decoder), call_(call) {
  call_.Receive();
}

void ScanHandler::OnMessage(std::string_view message) {
  if (absl::Status s = Start(message); !s.ok()) {
    Fail(s);
    return;
  }
  SendPage();
}

void ScanHandler::OnHalfClose() {
  Fail(
      MakeInvalidArgument(ErrorReason::kInvalidField, "request", "is missing"));
}

void ScanHandler::OnSent() {
  if (at_end_) {
    AddStamp();
    call_.Close();
  } else {
    SendPage();
  }
}

void ScanHandler::OnCancel() { Fail(StreamEndedError(call_)); }

absl::Status ScanHandler::Start(std::string_view message) {
  const EndReason end = call_.token().Check(clock_.Now());
  if (end != EndReason::kNone) return EndedError(end, DeadlineStage::kArrival);
  RequestArena arena;
  const auto parsed = ParseRequest<v1::ScanRequest>(message, arena);
  if (!parsed.ok()) return parsed.status();
  const v1::ScanRequest& request = **parsed;
  if (absl::Status s = decoder_.Check(request); !s.ok()) return s;
  keys_only_ = request.keys_only();
  ScanPageLimits page = {.keys_only = keys_only_};
  if (request.page_size() > 0) page.entries_max = request.page_size();
  auto scan = store_.scanner().Start(
      {.prefix = request.prefix(),
       .snapshot = request.consistency() == v1::ScanRequest::SNAPSHOT,
       .page = page,
       .resume_token = request.resume_token()});
  if (!scan.ok()) return scan.status();
  scan_ = *std::move(scan);
  return absl::OkStatus();
}

void ScanHandler::SendPage() {
  const absl::StatusOr<ScanPage> page = scan_->Next(call_.token());
  if (!page.ok()) {
    Fail(page.status());
    return;
  }
  RequestArena arena;
  auto* response = arena.Make<v1::ScanResponse>();
  Encode(*page, keys_only_, response);
  at_end_ = page->resume_token.empty();
  call_.Send(*response);
}

void ScanHandler::Fail(const absl::Status& error) {
  const std::optional<ErrorDetails> details = GetErrorDetails(error);
  if (details.has_value() && details->reason == ErrorReason::kOverloaded) {
    call_.AddTrailer("grpc-retry-pushback-ms", kRetryPushbackMs);
  }
  // The snapshot waits for its client from now on.
  scan_ = nullptr;
  AddStamp();
  call_.Fail(error);
}

void ScanHandler::AddStamp() {
  if (call_.FindMetadata(kStampName) != kStampQuestion) return;
  call_.AddTrailer(kStampName, store_.CurrentStamp().ToText());
}

}  // namespace latchkey
