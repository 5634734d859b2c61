#include "server/service/scan_handler.h"

#include "server/base/error.h"
#include "server/base/sync_point.h"
#include "server/runtime/deadline.h"
#include "server/service/bulk_lane.h"
#include "server/service/encode.h"
#include "server/service/keyed_writes.h"
#include "server/service/limit_check.h"
#include "server/service/request_parsing.h"
#include "server/service/stream_end.h"

namespace latchkey {
namespace {

// How long a client should wait that was refused because there are too many
// snapshots: most of them end within that time.
constexpr char kRetryPushbackMs[] = "1000";

}  // namespace

ScanHandler::ScanHandler(Store& store, const Clock& clock,
                         const Decoder& decoder, const AccessCheck& access,
                         WorkerPool* bulk, Call& call)
    : store_(store),
      clock_(clock),
      decoder_(decoder),
      access_(access),
      bulk_(bulk),
      call_(call) {
  call_.Receive();
}

void ScanHandler::OnMessage(std::string_view message) {
  if (absl::Status s = Start(message); !s.ok()) {
    if (IsOverloaded(s)) {
      call_.AddTrailer("grpc-retry-pushback-ms", kRetryPushbackMs);
    }
    Fail(s);
    return;
  }
  state_.store(State::kBusy, std::memory_order_relaxed);
  StartPage();
}

void ScanHandler::OnHalfClose() {
  Fail(
      MakeInvalidArgument(ErrorReason::kInvalidField, "request", "is missing"));
}

void ScanHandler::OnSent() {
  State state = State::kBusy;
  if (state_.compare_exchange_strong(state, State::kBusySent,
                                     std::memory_order_acq_rel)) {
    // Who has sent the page is about to look.
    return;
  }
  state_.store(State::kBusy, std::memory_order_relaxed);
  GoOn();
}

void ScanHandler::OnCancel() {
  if (state_.exchange(State::kBusyCancelled, std::memory_order_acq_rel) ==
      State::kIdle) {
    Fail(StreamEndedError(call_));
  }
}

absl::Status ScanHandler::Start(std::string_view message) {
  ReachSyncPoint(SyncPoint::kArrival);
  const EndReason end = call_.token().Check(clock_.Now());
  if (end != EndReason::kNone) return EndedError(end, DeadlineStage::kArrival);
  RequestArena arena;
  const auto parsed = ParseRequest<v1::ScanRequest>(message, arena);
  if (!parsed.ok()) return parsed.status();
  const v1::ScanRequest& request = **parsed;
  absl::Status status = decoder_.Check(request);
  if (status.ok()) {
    status = access_.Check(call_, Verb::kScan, request.prefix());
    if (status.ok()) status = TakeOperations(call_, 1, clock_);
  }
  if (!status.ok()) return status;
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

void ScanHandler::StartPage() {
  if (bulk_ == nullptr) {
    MakePage(absl::OkStatus());
    return;
  }
  const absl::Status queued = SubmitToLane(
      *bulk_, call_, [this](const absl::Status& fate) { MakePage(fate); });
  if (!queued.ok()) Refuse(queued);
}

void ScanHandler::MakePage(const absl::Status& fate) {
  if (!fate.ok()) {
    Refuse(fate);
    return;
  }
  absl::StatusOr<ScanPage> page = ReadPage();
  if (!page.ok()) {
    Fail(page.status());
    return;
  }
  RequestArena arena;
  auto* response = arena.Make<v1::ScanResponse>();
  Encode(*page, keys_only_, response);
  at_end_ = page->resume_token.empty();
  call_.Send(*response);
  State state = State::kBusy;
  if (state_.compare_exchange_strong(state, State::kIdle,
                                     std::memory_order_acq_rel)) {
    // The transport's thread goes on; the call may be over by now.
    return;
  }
  if (state == State::kBusySent &&
      state_.compare_exchange_strong(state, State::kBusy,
                                     std::memory_order_acq_rel)) {
    GoOn();
  } else {
    Fail(StreamEndedError(call_));
  }
}

void ScanHandler::GoOn() {
  if (at_end_) {
    AddStamp();
    call_.Close();
  } else {
    StartPage();
  }
}

absl::StatusOr<ScanPage> ScanHandler::ReadPage() {
  ReachSyncPoint(SyncPoint::kNextMessage);
  if (absl::Status s = CheckToken(); !s.ok()) return s;
  absl::StatusOr<ScanPage> page = scan_->Next(call_.token());
  if (!page.ok()) return page;
  ReachSyncPoint(SyncPoint::kBeforeEncode);
  if (absl::Status s = CheckToken(); !s.ok()) return s;
  return page;
}

absl::Status ScanHandler::CheckToken() const {
  const EndReason end = call_.token().Check(clock_.Now());
  if (end == EndReason::kNone) return absl::OkStatus();
  return EndedError(end, DeadlineStage::kBeforeCommit);
}

void ScanHandler::Refuse(const absl::Status& error) {
  AddPushback(*bulk_, error, call_);
  Fail(error);
}

void ScanHandler::Fail(const absl::Status& error) {
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
