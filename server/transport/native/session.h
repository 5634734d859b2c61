// Session is the HTTP/2 of one connection: nghttp2's session, the short way of
// ordinary calls past it (DirectPath), the streams that are open, and the
// limits on what a client may do to all of them.  It knows no socket.
//
// Thread safety: belongs to its worker's thread.

#ifndef LATCHKEY_SERVER_TRANSPORT_NATIVE_SESSION_H_
#define LATCHKEY_SERVER_TRANSPORT_NATIVE_SESSION_H_

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "server/access/principal_account.h"
#include "server/access/token_table.h"
#include "server/base/clock.h"
#include "server/rpc/peer_loads.h"
#include "server/runtime/deadline.h"
#include "server/transport/native/direct_path.h"
#include "server/transport/native/frame_filter.h"
#include "server/transport/native/frame_reader.h"
#include "server/transport/native/stream.h"

namespace latchkey {

class Connection;
class Worker;

class Session {
 public:
  Session(Worker& worker, Connection& connection);
  ~Session();

  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // The client has shown which protocol it speaks.  Until then it may be
  // anybody, and nothing is kept for it that takes much memory.
  //
  // REQUIRES: it was not called before; nothing is received or filled before.
  void Begin();

  // Takes what was read at `now` from the front of `*bytes`: all of it, or what
  // comes before the worker's turn is over.  Returns false when the connection
  // is broken beyond an answer.
  [[nodiscard]] bool Receive(std::string_view* bytes, UnixNanos now);

  // Appends what is to be written, until `output` holds `bytes_max`.  Returns
  // false as Receive().
  [[nodiscard]] bool FillOutput(std::string* output, size_t bytes_max);

  // Runs the handlers that have something to be told.
  void DeliverAll();
  bool has_deliveries() const { return !deliveries_.empty(); }

  // Whether nothing more will be read or written, since either end said so.
  bool is_done() const;

  // Whether so much waits to be written that nothing more should be read.
  bool is_congested() const;

  // Whether the client has said what HTTP/2 begins with.
  bool shook_hands() const { return shook_hands_; }

  // The connection is gone: ends all calls.  Nothing is sent after this.
  void Abandon();

  // The drain: announces the end, says which call was the last one, gives up on
  // the calls.
  void AnnounceEnd();
  void SayLastCall();
  void CancelCalls();

  void Ping();

  // A reset of a stream that was never opened is an error of the connection;
  // FrameFilter says why it is only one where nothing followed it.  For a
  // connection that has been silent for a while; returns whether it ends.
  bool JudgeIdleResets();

  // Makes `stream` be looked at before the turn ends.
  void Queue(Stream& stream);

  // Makes a turn of the connection follow, for what was just submitted.
  void RequestTurn();

  // At the end of a turn: sets timers for calls that are still open.
  void SetTimers(UnixNanos now);

  bool has_streams() const { return newest_ != nullptr; }
  bool abandoned() const { return abandoned_; }
  const Principal& client_name() const;
  PeerLoads::Load& load() const;
  // Whether the worker's turn is.
  bool TurnIsOver() const;
  UnixNanos turn_time() const { return turn_time_; }
  void set_turn_time(UnixNanos now) { turn_time_ = now; }
  UnixNanos last_call_time() const { return last_call_time_; }

  // For DirectPath.
  nghttp2_session* http() const { return http_; }
  Worker& worker() const { return worker_; }

  // The same: a new stream, or nullptr where there are too many.
  Stream* OpenStream(int32_t id);
  void Recycle(Stream& stream);
  // Makes nghttp2 ask again for answers that it was not given.
  void ResumeAnswers();
  // The frame that is being taken costs more than most.
  void OnCostlyFrame() { frame_was_costly_ = true; }
  // Whether an answer may be written at once.
  bool can_write() const;
  FrameFilter& filter() { return filter_; }
  DirectPath& direct() { return direct_; }

  // Counts the connection among those of `account`, from the first time on to
  // the end of this.  False: these are as many as may be.
  bool ClaimConnection(PrincipalAccount& account);

  // What requests and answers of this connection hold.
  size_t request_bytes = 0;
  size_t reply_bytes = 0;

  // Calls whose handlers have not ended, and those of them that are about the
  // server.
  int calls = 0;
  int about_server_calls = 0;

  // nghttp2's callbacks.
  void OnBeginHeaders(const nghttp2_frame& frame);
  // Returns false where the rest of the headers is not worth being looked at.
  bool OnHeader(std::string_view name, std::string_view value);
  void OnFrame(const nghttp2_frame& frame);
  void OnData(int32_t id, std::string_view data);
  void OnSent(const nghttp2_frame& frame);
  void OnClosed(int32_t id, uint32_t error);
  int CopyData(Stream& stream, const uint8_t* head, size_t length);

 private:
  Stream* Find(int32_t id) const;
  // Takes a frame that is not for nghttp2.  Returns false where it is, and has
  // seen to it that nghttp2 may have it.
  bool TakeFrame(const FrameReader::Piece& piece);
  // Whether the frame is SETTINGS by which the window of an open stream would
  // be greater than it may.  RFC 9113 ends the connection for that (section
  // 6.9.2), nghttp2 only the stream.
  bool OverflowsWindow(const FrameReader::Piece& piece);
  // Where `frame` is a GOAWAY: nghttp2 does not know of all streams.
  void CorrectGoaway(char* frame, size_t size);
  // Ends the connection for an error of its client's.
  void Terminate(uint32_t error);
  // A stream ends by a reset, or a frame is answered by one.
  void CountReset();
  // Ends the connection for what its client does.
  void EndCalm();
  // Whether `more` events of a kind are over their limit for this second.
  bool IsOverRate(int* count, int more, int count_max);

  Worker& worker_;
  Connection& connection_;
  // Null before Begin().
  nghttp2_session* http_ = nullptr;
  FrameReader reader_;
  FrameFilter filter_;
  DirectPath direct_;
  // Whether nghttp2 gets nothing of the frame that is coming.
  bool frame_taken_ = false;
  // Whether one after which time is to be looked at came.
  bool frame_was_costly_ = false;

  // All streams that are not over, from the newest to the oldest.
  Stream* newest_ = nullptr;
  int stream_count_ = 0;
  // What the headers that are coming are in all, as HTTP/2 counts.
  uint32_t header_bytes_ = 0;
  // The stream whose headers are coming.
  Stream* opening_ = nullptr;
  std::vector<Stream*> deliveries_;
  // Who has made calls on the connection, where there are limits: mostly one.
  // Null until then, as most servers have none.
  std::unique_ptr<absl::flat_hash_set<PrincipalAccount*>> claims_;

  // Where FillOutput() writes to, while it runs.
  std::string* output_ = nullptr;
  size_t output_bytes_max_ = 0;

  UnixNanos turn_time_ = 0;
  UnixNanos last_call_time_ = 0;
  UnixNanos second_begin_ = 0;
  int resets_ = 0;
  int control_frames_ = 0;
  bool shook_hands_ = false;
  bool abandoned_ = false;
  // What the client sends does not count any more.
  bool terminated_ = false;
  // The client was told to be calmer; it gets nothing more.
  bool calm_ = false;
  UnixNanos calm_time_ = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_TRANSPORT_NATIVE_SESSION_H_
