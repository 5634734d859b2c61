#include "server/transport/native/session.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "server/base/check.h"
#include "server/transport/native/connection.h"
#include "server/transport/native/worker.h"

namespace latchkey {
namespace {

// Frames that wait to be written before nothing more is read: more than one for
// each call that may be open, so that it takes a client that does not read.
constexpr size_t kFramesWaitingMax = 4'096;

// How many times the headers of a request may be what they may before their
// connection is ended: up to that its client is told what was wrong.  A byte
// may stand for 4 KiB of them (RFC 7541, section 2.3).
constexpr size_t kHeaderExcessMax = 4;

// Looking at the clock takes as long as a small frame.
constexpr int kFramesPerLook = 16;

}  // namespace

Session::Session(Worker& worker, Connection& connection)
    : worker_(worker),
      connection_(connection),
      filter_(worker.session_settings().streams_max()),
      direct_(*this) {
  if (!worker.options().direct_path) direct_.Disable();
}

void Session::Begin() { http_ = worker_.session_settings().NewSession(this); }

Session::~Session() {
  LATCHKEY_CHECK(!has_streams(), "a session outlives its streams");
  if (claims_ != nullptr) {
    for (PrincipalAccount* const account : *claims_) {
      account->connections().Give(1);
    }
  }
  nghttp2_session_del(http_);
}

bool Session::ClaimConnection(PrincipalAccount& account) {
  if (claims_ == nullptr) {
    claims_ = std::make_unique<absl::flat_hash_set<PrincipalAccount*>>();
  }
  if (claims_->contains(&account)) return true;
  return account.connections().Take(1) && claims_->insert(&account).second;
}

bool Session::Receive(std::string_view* bytes, UnixNanos now) {
  turn_time_ = now;
  // Nothing of it counts any more; its client gets a moment to read why.
  if (calm_) {
    *bytes = {};
    return now - calm_time_ < kNanosPerSecond;
  }
  for (int frames = 1; !bytes->empty() && !terminated_; ++frames) {
    const bool looks =
        frames % kFramesPerLook == 0 || std::exchange(frame_was_costly_, false);
    if (looks && worker_.TurnIsOver()) break;
    const FrameReader::Piece piece = reader_.Next(bytes);
    if (piece.begins_frame) frame_taken_ = TakeFrame(piece);
    if (piece.bytes.empty() || frame_taken_) continue;
    const ssize_t taken = nghttp2_session_mem_recv(
        http_, reinterpret_cast<const uint8_t*>(piece.bytes.data()),
        piece.bytes.size());
    direct_.AfterHeaders();
    if (taken == NGHTTP2_ERR_BAD_CLIENT_MAGIC) {
      Terminate(NGHTTP2_PROTOCOL_ERROR);
    } else if (taken != static_cast<ssize_t>(piece.bytes.size())) {
      return false;
    }
  }
  if (terminated_) *bytes = {};
  if (IsOverRate(&control_frames_, filter_.TakeControlFrames(),
                 worker_.options().control_frames_per_second_max)) {
    EndCalm();
  }
  return true;
}

bool Session::TakeFrame(const FrameReader::Piece& piece) {
  const wire::FrameHead& head = piece.head;
  Stream* const direct = direct_.Find(head.stream);
  const bool in_block = filter_.in_block();
  const FrameFilter::Verdict verdict = filter_.Judge(head, direct != nullptr);
  if (in_block && verdict != FrameFilter::Verdict::kTooLarge) return false;
  switch (verdict) {
    case FrameFilter::Verdict::kLeaveOut:
      return true;
    case FrameFilter::Verdict::kNotAscending:
      Terminate(NGHTTP2_PROTOCOL_ERROR);
      return true;
    case FrameFilter::Verdict::kClosed:
      Terminate(NGHTTP2_STREAM_CLOSED);
      return true;
    case FrameFilter::Verdict::kAfterReset:
      direct_.OnLeftOut(head.size);
      nghttp2_submit_rst_stream(http_, NGHTTP2_FLAG_NONE,
                                static_cast<int32_t>(head.stream),
                                NGHTTP2_STREAM_CLOSED);
      CountReset();
      return true;
    case FrameFilter::Verdict::kTooLarge:
      Terminate(NGHTTP2_FRAME_SIZE_ERROR);
      return true;
    case FrameFilter::Verdict::kOpens:
      if (direct_.TakeHeaders(piece)) return true;
      break;
    case FrameFilter::Verdict::kPass:
      if (direct != nullptr && direct_.TakeFrame(*direct, piece)) return true;
      if (head.stream == 0 && head.type == wire::FrameType::kWindowUpdate &&
          piece.whole && direct_.TakeWindowUpdate(piece)) {
        return true;
      }
      if (OverflowsWindow(piece)) {
        Terminate(NGHTTP2_FLOW_CONTROL_ERROR);
        return true;
      }
      break;
  }
  // DirectPath says why.
  if (head.type == wire::FrameType::kHeaders || !piece.whole) {
    direct_.AdoptAll();
  } else if (direct != nullptr) {
    direct_.Adopt(*direct);
  }
  if (head.type == wire::FrameType::kHeaders) {
    filter_.OnPassed(head.stream);
    direct_.BeforeHeaders(piece);
  }
  return false;
}

bool Session::OverflowsWindow(const FrameReader::Piece& piece) {
  constexpr size_t kSettingBytes = 6;
  if (piece.head.type != wire::FrameType::kSettings || !piece.whole)
    return false;
  std::string_view settings = piece.bytes.substr(wire::kFrameHeadBytes);
  for (; settings.size() >= kSettingBytes;
       settings.remove_prefix(kSettingBytes)) {
    if (settings[0] != 0 || settings[1] != NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE)
      continue;
    direct_.AdoptAll();
    const int64_t more = int64_t{wire::ReadUint31(settings.data() + 2)} -
                         nghttp2_session_get_remote_settings(
                             http_, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE);
    for (const Stream* stream = newest_; stream != nullptr;
         stream = stream->older) {
      if (nghttp2_session_get_stream_remote_window_size(http_, stream->id()) +
              more >
          wire::kWindowMax) {
        return true;
      }
    }
  }
  return false;
}

bool Session::JudgeIdleResets() {
  if (!filter_.ends_in_idle_reset() || has_streams()) return false;
  Terminate(NGHTTP2_PROTOCOL_ERROR);
  return true;
}

bool Session::FillOutput(std::string* output, size_t bytes_max) {
  direct_.TakeOutput(output);
  output_ = output;
  output_bytes_max_ = bytes_max;
  ssize_t size = 0;
  while (output->size() < bytes_max) {
    const uint8_t* bytes = nullptr;
    size = nghttp2_session_mem_send(http_, &bytes);
    if (size <= 0) break;
    const size_t begin = output->size();
    output->append(wire::View(bytes, static_cast<size_t>(size)));
    CorrectGoaway(output->data() + begin, static_cast<size_t>(size));
  }
  direct_.set_interrupted(size > 0);
  output_ = nullptr;
  return size >= 0;
}

void Session::CorrectGoaway(char* frame, size_t size) {
  if (size < wire::kFrameHeadBytes + 4 ||
      wire::ReadFrameHead(frame).type != wire::FrameType::kGoaway) {
    return;
  }
  direct_.Disable();
  char* const last = frame + wire::kFrameHeadBytes;
  wire::WriteUint32(std::max(wire::ReadUint31(last), filter_.stream_max()),
                    last);
}

int Session::CopyData(Stream& stream, const uint8_t* head, size_t length) {
  if (output_->size() >= output_bytes_max_) return NGHTTP2_ERR_WOULDBLOCK;
  output_->append(wire::View(head, wire::kFrameHeadBytes));
  stream.TakeReply(length, output_);
  return 0;
}

void Session::DeliverAll() {
  std::vector<Stream*> streams;
  streams.swap(deliveries_);
  for (Stream* const stream : streams) {
    stream->queued = false;
    stream->Deliver();
    if (stream->is_over() && !stream->queued) Recycle(*stream);
  }
  // Keeps the memory where nothing came in the meantime.
  if (deliveries_.empty()) {
    streams.clear();
    deliveries_.swap(streams);
  }
}

bool Session::is_done() const {
  // What was terminated does not wait for calls.
  return http_ != nullptr && (terminated_ || !direct_.has_streams()) &&
         !nghttp2_session_want_read(http_) &&
         !nghttp2_session_want_write(http_);
}

bool Session::is_congested() const {
  return http_ != nullptr &&
         nghttp2_session_get_outbound_queue_size(http_) > kFramesWaitingMax;
}

void Session::Abandon() {
  abandoned_ = true;
  direct_.Forget();
  for (Stream* stream = newest_; stream != nullptr;) {
    Stream* const older = stream->older;
    stream->OnClosed(EndReason::kConnectionLost);
    if (stream->is_over()) Queue(*stream);
    stream = older;
  }
}

void Session::AnnounceEnd() {
  direct_.Disable();
  // One that begins later is told with SayLastCall().
  if (http_ != nullptr) nghttp2_submit_shutdown_notice(http_);
}

void Session::SayLastCall() {
  direct_.AdoptAll();
  direct_.Disable();
  nghttp2_submit_goaway(http_, NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(http_),
                        NGHTTP2_NO_ERROR, nullptr, 0);
}

void Session::CancelCalls() {
  for (Stream* stream = newest_; stream != nullptr;) {
    Stream* const older = stream->older;
    if (!abandoned_) stream->Cancel(EndReason::kDraining);
    stream = older;
  }
}

void Session::Ping() {
  if (http_ == nullptr) return;
  nghttp2_submit_ping(http_, NGHTTP2_FLAG_NONE, nullptr);
}

void Session::Queue(Stream& stream) {
  if (stream.queued) return;
  stream.queued = true;
  deliveries_.push_back(&stream);
}

void Session::RequestTurn() { connection_.RequestTurn(); }

void Session::SetTimers(UnixNanos now) {
  for (Stream* stream = newest_; stream != nullptr && stream->timer == kNever;
       stream = stream->older) {
    worker_.SetTimer(*stream, stream->Due(now));
  }
}

PeerLoads::Load& Session::load() const { return connection_.load(); }

bool Session::TurnIsOver() const { return worker_.TurnIsOver(); }

const Principal& Session::client_name() const {
  return connection_.client_name();
}

bool Session::can_write() const {
  return shook_hands_ && !calm_ && !abandoned_ && connection_.can_write();
}

void Session::ResumeAnswers() {
  for (Stream* stream = newest_; stream != nullptr; stream = stream->older) {
    // One that does not wait is left as it is.
    nghttp2_session_resume_data(http_, stream->id());
  }
}

void Session::OnBeginHeaders(const nghttp2_frame& frame) {
  opening_ = nullptr;
  header_bytes_ = 0;
  if (frame.headers.cat != NGHTTP2_HCAT_REQUEST || calm_) return;
  const int32_t id = frame.hd.stream_id;
  if (Stream* const adopted = direct_.adopting(); adopted != nullptr) {
    nghttp2_session_set_stream_user_data(http_, id, adopted);
    return;
  }
  opening_ = OpenStream(id);
  if (opening_ == nullptr) {
    nghttp2_submit_rst_stream(http_, NGHTTP2_FLAG_NONE, id,
                              NGHTTP2_REFUSED_STREAM);
    return;
  }
  nghttp2_session_set_stream_user_data(http_, id, opening_);
}

Stream* Session::OpenStream(int32_t id) {
  // What these are for is not known yet, so that all slots together count.
  // nghttp2 counts the streams that are open; handlers may take longer.
  if (stream_count_ >= worker_.session_settings().streams_max() ||
      worker_.live_calls() >=
          worker_.parts().calls_max + worker_.parts().about_server_calls_max) {
    return nullptr;
  }
  Stream* const stream = worker_.TakeStream().release();
  stream->Open(*this, http_, id);
  stream->newer = nullptr;
  stream->older = newest_;
  if (newest_ != nullptr) newest_->newer = stream;
  newest_ = stream;
  ++stream_count_;
  return stream;
}

bool Session::OnHeader(std::string_view name, std::string_view value) {
  // At most some times their limit, after which nothing is added.
  header_bytes_ += static_cast<uint32_t>(RequestHeaders::SizeOf(name, value));
  if (header_bytes_ > kHeaderExcessMax * worker_.options().metadata_bytes_max) {
    EndCalm();
    return false;
  }
  if (opening_ != nullptr) opening_->headers().Add(name, value);
  return true;
}

void Session::OnFrame(const nghttp2_frame& frame) {
  if (direct_.adopting() != nullptr) return;
  switch (frame.hd.type) {
    case NGHTTP2_HEADERS: {
      Stream* stream = opening_;
      if (frame.headers.cat == NGHTTP2_HCAT_REQUEST) {
        opening_ = nullptr;
        if (stream != nullptr) stream->OnHeaders();
        if (stream != nullptr && stream->awaits_message() &&
            !stream->is_web()) {
          direct_.Learn(*stream);
        }
      } else {
        stream = Find(frame.hd.stream_id);
      }
      if (stream != nullptr && (frame.hd.flags & NGHTTP2_FLAG_END_STREAM)) {
        stream->OnHalfClose();
      }
      return;
    }
    case NGHTTP2_DATA:
      if (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) {
        Stream* const stream = Find(frame.hd.stream_id);
        if (stream != nullptr) stream->OnHalfClose();
      }
      return;
    case NGHTTP2_SETTINGS:
      shook_hands_ = true;
      return;
    default:
      return;
  }
}

void Session::OnData(int32_t id, std::string_view data) {
  nghttp2_session_consume_connection(http_, data.size());
  Stream* const stream = Find(id);
  if (stream != nullptr && direct_.adopting() == nullptr) {
    stream->OnData(data);
  } else {
    nghttp2_session_consume_stream(http_, id, data.size());
  }
}

void Session::OnSent(const nghttp2_frame& frame) {
  // gRPC-Web's answers end in DATA.
  if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) == 0 ||
      (frame.hd.type != NGHTTP2_HEADERS && frame.hd.type != NGHTTP2_DATA)) {
    return;
  }
  const Stream* const stream = Find(frame.hd.stream_id);
  if (stream != nullptr && !stream->half_closed()) {
    // The answer is whole: the client need not send the rest of its request.
    nghttp2_submit_rst_stream(http_, NGHTTP2_FLAG_NONE, frame.hd.stream_id,
                              NGHTTP2_NO_ERROR);
  }
}

void Session::OnClosed(int32_t id, uint32_t error) {
  if (error != NGHTTP2_NO_ERROR) CountReset();
  Stream* const stream = Find(id);
  if (stream == nullptr) return;
  if (stream == opening_) opening_ = nullptr;
  nghttp2_session_set_stream_user_data(http_, id, nullptr);
  stream->OnClosed(EndReason::kClientCancelled);
  if (!stream->is_over() || stream->queued) return;
  if (stream->has_handler()) {
    Queue(*stream);
  } else {
    Recycle(*stream);
  }
}

Stream* Session::Find(int32_t id) const {
  return static_cast<Stream*>(nghttp2_session_get_stream_user_data(http_, id));
}

void Session::Recycle(Stream& stream) {
  last_call_time_ = turn_time_;
  if (stream.newer != nullptr) {
    stream.newer->older = stream.older;
  } else {
    newest_ = stream.older;
  }
  if (stream.older != nullptr) stream.older->newer = stream.newer;
  --stream_count_;
  if (abandoned_) {
    // Else nghttp2 has forgotten it.
    nghttp2_session_set_stream_user_data(http_, stream.id(), nullptr);
  }
  stream.Clear();
  worker_.GiveBack(std::unique_ptr<Stream>(&stream));
}

void Session::CountReset() {
  if (IsOverRate(&resets_, 1, worker_.options().resets_per_second_max)) {
    EndCalm();
  }
}

void Session::EndCalm() {
  if (calm_) return;
  calm_ = true;
  calm_time_ = turn_time_;
  Terminate(NGHTTP2_ENHANCE_YOUR_CALM);
}

void Session::Terminate(uint32_t error) {
  terminated_ = true;
  direct_.Disable();
  nghttp2_session_terminate_session(http_, error);
}

bool Session::IsOverRate(int* count, int more, int count_max) {
  if (turn_time_ - second_begin_ >= kNanosPerSecond) {
    second_begin_ = turn_time_;
    resets_ = control_frames_ = 0;
  }
  *count += more;
  return *count > count_max;
}

}  // namespace latchkey
