// FaultProxy is a bad link: it forwards TCP to a target and does to the bytes
// and connections what a test asks for, either at once and exactly, or at
// random by a seed.
//
//   drop      a black hole: nothing more goes in a direction until Resume()
//   delay     the next bytes of a direction are held for a time
//   truncate  some more bytes of a direction go through, then all is closed
//   reset     both sides are closed by RST
//   lose      the server's next reply is swallowed and the connection reset, so
//             that a request has been executed and its client cannot know
//   mirror    all that a client sends goes over a second connection too, whose
//             answers are dropped, so that each request arrives twice, the copy
//             later than the original if it has a lag
//
// It looks at nothing but lengths and types of HTTP/2 frames, and only to find
// where a reply begins (http2_frame_scanner.h): all faults but `lose` work with
// any protocol.
//
// Memory is bounded: a connection holds at most kChunkBytesMax of each
// direction, and what does not fit waits in the sender's socket.  A mirror
// holds at most kMirrorBytesMax and is cut off beyond it; at most
// kConnectionsMax are served at once, and more wait to be accepted.
//
// Thread safety: all methods from any thread.  A method returns when its effect
// has been brought about by the proxy's own thread: after Reset() the resets
// have been sent.
//
// Example:
//   auto proxy = FaultProxy::Start("127.0.0.1:7411");
//   ... connect to (*proxy)->address() ...
//   (*proxy)->LoseReplies(1);

#ifndef LATCHKEY_TESTS_SUPPORT_FAULT_PROXY_H_
#define LATCHKEY_TESTS_SUPPORT_FAULT_PROXY_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/support/random_faults.h"

namespace latchkey {

enum class Direction { kToServer, kToClient, kBoth };

// Since the start, but for connections_open and mirrors_open.
struct FaultCounters {
  // Accepted from clients.
  uint64_t connections = 0;
  // Of these, still there.
  uint64_t connections_open = 0;
  // Reset because the target could not be reached; in no other count.
  uint64_t unreachable = 0;
  // Connections that a fault closed by RST, those of lost replies among them.
  uint64_t resets = 0;
  uint64_t replies_lost = 0;
  uint64_t truncations = 0;
  // Connections that Drop() or chance stopped, in one direction or both.
  uint64_t drops = 0;
  // Chunks that were held.
  uint64_t delays = 0;
  // Connections that had a mirror, and mirrors cut off by kMirrorBytesMax or
  // because their connection to the server failed.
  uint64_t mirrored = 0;
  uint64_t mirrors_cut = 0;
  // Mirrors that are still there, their originals perhaps not.
  uint64_t mirrors_open = 0;
  // Forwarded; and sent by mirrors.
  uint64_t bytes_to_server = 0;
  uint64_t bytes_to_client = 0;
  uint64_t bytes_mirrored = 0;
};

class FaultProxy {
 public:
  static constexpr size_t kChunkBytesMax = 16 * 1024;
  static constexpr size_t kMirrorBytesMax = 1024 * 1024;
  static constexpr size_t kConnectionsMax = 1024;
  // How long a mirror whose original is gone waits for the server to take in
  // what it was sent; it closes when the server has been silent for so long.
  static constexpr std::chrono::milliseconds kMirrorLinger{1000};

  static constexpr int kNoLimit = -1;

  // Listens on 127.0.0.1, at a port that the system chooses, and forwards to
  // `target`: ADDRESS:PORT, the address numeric.
  //
  // Errors: INVALID_ARGUMENT for a target that is none, UNAVAILABLE where the
  // system gives no socket.
  static absl::StatusOr<std::unique_ptr<FaultProxy>> Start(
      std::string_view target);

  // Resets the connections that are left.
  ~FaultProxy();

  FaultProxy(const FaultProxy&) = delete;
  FaultProxy& operator=(const FaultProxy&) = delete;

  // Where clients connect: 127.0.0.1:PORT.
  const std::string& address() const;

  // For connections from now on.  A target that does not answer is no error:
  // each connection to it is reset.
  //
  // Errors: INVALID_ARGUMENT.
  absl::Status SetTarget(std::string_view target);

  // The following four act on the connections at hand and return how many
  // these were.

  // Stops a direction.  What arrives waits, and so does an end of the stream.
  int Drop(Direction direction);
  // Undoes Drop().
  int Resume(Direction direction);

  // Holds the next chunk of the direction (what one read gives, at most
  // kChunkBytesMax), and with it all that follows, for `time`.
  int Delay(Direction direction, std::chrono::milliseconds time);

  // Forwards `bytes` more bytes of the direction, of each where it is kBoth,
  // and then closes.  The receiver sees just these and the end of the stream,
  // or a reset where it was still sending.
  int Truncate(Direction direction, uint64_t bytes);

  // Closes both sides by RST.
  int Reset();

  // Loses the next `count` replies, on whichever connections, also later ones:
  // from the first byte of the next HEADERS or DATA frame of the server on,
  // nothing reaches the client, and the connection is reset as soon as these
  // bytes have come.  Replaces what is left of an earlier call; 0 ends it.
  //
  // REQUIRES: the connections speak HTTP/2, from their first byte on.
  void LoseReplies(int count);

  // Gives the next `connections` (kNoLimit: all that come) a mirror.  Each byte
  // is sent `lag` after the proxy has read it, also when the original is gone
  // by then; only the PINGs of HTTP/2 are left out.  0 ends it.  Connections at
  // hand are left alone: a mirror must see a connection from its first byte on.
  void Mirror(int connections, std::chrono::milliseconds lag);

  // Faults at random on all connections, at hand and later (mirrors: later
  // ones), until nullopt ends them; what has struck by then takes its course.
  // Connection number n suffers what n and the seed say.
  //
  // Errors: INVALID_ARGUMENT.
  absl::Status SetRandomFaults(const std::optional<RandomFaults>& faults);

  // Of one moment.
  FaultCounters counters() const;

 private:
  class Impl;
  explicit FaultProxy(std::unique_ptr<Impl> impl);

  const std::unique_ptr<Impl> impl_;
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SUPPORT_FAULT_PROXY_H_
