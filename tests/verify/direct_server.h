// DirectServer is the store and the service of the server without a transport:
// a request is handed to its handler on the calling thread.  Its time is that
// of the clock that it is given.
//
// DirectCopy is one time that a request is sent to it.
//
// Thread safety: copies may run on any number of threads at once; one copy runs
// on one thread, and may be ended from another.
//
// Example:
//   FakeClock clock;
//   DirectServer server({}, clock);
//   DirectCopy copy(server, Method::kPut, put.SerializeAsString(), {});
//   copy.Run();
//   EXPECT_TRUE(copy.answer().ok());

#ifndef LATCHKEY_TESTS_VERIFY_DIRECT_SERVER_H_
#define LATCHKEY_TESTS_VERIFY_DIRECT_SERVER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "client/lib/call_error.h"
#include "client/verify/method.h"
#include "server/base/clock.h"
#include "server/rpc/call.h"
#include "server/rpc/method_table.h"
#include "server/rpc/status_mapping.h"
#include "server/runtime/deadline.h"
#include "server/service/cache_service.h"
#include "server/store/store.h"
#include "tests/support/seeded_random.h"

namespace latchkey::verify {

struct DirectServerOptions {
  uint64_t seed = 1;
  StoreOptions store;
};

class DirectServer {
 public:
  // `clock` outlives the server.
  DirectServer(const DirectServerOptions& options, const Clock& clock);

  DirectServer(const DirectServer&) = delete;
  DirectServer& operator=(const DirectServer&) = delete;

  const Clock& clock() const { return clock_; }
  Store& store() { return store_; }
  const latchkey::Method& method(Method method) const {
    return *methods_[static_cast<size_t>(method)];
  }

 private:
  const Clock& clock_;
  SeededRandom random_;
  Store store_;
  CacheService service_;
  MethodTable table_;
  std::array<const latchkey::Method*, kMethods> methods_ = {};
};

// How a copy was answered.
struct DirectAnswer {
  // In wire format; empty for an error.
  std::string response;
  // Code 0 (OK) for a good answer.
  WireStatus status;
  bool replayed = false;
  // The stamp that came with it, or empty.
  std::string stamp;

  bool ok() const { return status.code == 0; }

  // Whether the two are the same answer, byte for byte.
  bool Equals(const DirectAnswer& other) const;

  // As client/lib takes it apart.
  client::CallError Error() const;
};

class DirectCopy final : public latchkey::Call {
 public:
  struct Options {
    // Metadata `latchkey-stamp`, or empty.
    std::string_view stamp;
    // When the token ends by itself.
    UnixNanos deadline = kNever;
    // The token ends right after the copy's arrival.
    bool ended = false;
    // The token ends when the server asks for it for this time, 1 being the
    // copy's arrival; 0: it does not.
    int ends_at_ask = 0;
  };

  // `server` and `request` must outlive the copy.
  DirectCopy(DirectServer& server, Method method, std::string_view request,
             const Options& options);

  // Sends it and returns with the answer.
  void Run();

  // Ends the token, or tells those who wait for it that its deadline has
  // passed.
  void End(EndReason reason) { source_.End(reason); }
  void Expire(UnixNanos now) { source_.Expire(now); }

  // REQUIRES: Run() has returned.
  const DirectAnswer& answer() const { return answer_; }

  std::string_view method() const override { return MethodPath(method_); }
  std::string_view principal() const override { return ""; }
  std::optional<std::string_view> FindMetadata(
      std::string_view name) const override;
  DeadlineToken token() const override {
    if (++asks_ == options_.ends_at_ask) source_.End(EndReason::kDraining);
    return source_.token();
  }

 private:
  void DoReply(const ReplyBody& response, Trailers trailers) override;
  void DoFinish(const WireStatus& status, Trailers trailers) override;
  void DoSend(const google::protobuf::MessageLite&) override {}
  void DoReceive() override {}

  void TakeTrailers(Trailers trailers);

  DirectServer& server_;
  const Method method_;
  const std::string_view request_;
  const Options options_;
  mutable DeadlineSource source_;
  // On the thread that runs the copy.
  mutable int asks_ = 0;
  DirectAnswer answer_;
};

}  // namespace latchkey::verify

#endif  // LATCHKEY_TESTS_VERIFY_DIRECT_SERVER_H_
