// FakeCache is a server of latchkey.v1.Cache on a port of its own that answers
// as it is told and remembers what each copy of a call carried.
//
// A copy takes the next Answer of its RPC's script, or a good one when the
// script is over.  A held copy stays unanswered until it is cancelled.
//
// Thread safety: all methods may be called from any thread.
//
// Example:
//   FakeCache cache;
//   cache.Script("Put", {Unavailable(), {}});
//   ... client.Put(...) ...
//   EXPECT_EQ(cache.SeenOf("Put").size(), 2u);

#ifndef LATCHKEY_TESTS_CLIENT_LIB_FAKE_CACHE_H_
#define LATCHKEY_TESTS_CLIENT_LIB_FAKE_CACHE_H_

#include <grpcpp/server.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "client/lib/mutex.h"
#include "latchkey/v1/cache.grpc.pb.h"

namespace latchkey::client {

struct Answer {
  grpc::Status status;
  // Beside the stamp.
  std::map<std::string, std::string> trailers;
  bool hold = false;
  // Of a Scan: how many messages come before the status.
  int pages = 0;
};

// What one copy carried; empty: nothing.
struct Seen {
  std::string idempotency_key;
  std::string stamp;
  std::string previous_attempts;
  // The whole request, in wire format.
  std::string request;
  std::chrono::system_clock::time_point deadline;
};

// An error of Latchkey; `applied` empty: not said.
grpc::Status MakeStatus(grpc::StatusCode code, const std::string& reason,
                        const std::string& applied);

// As from a connection that broke: no details.
Answer Unavailable();

// As of a server that sheds: OVERLOADED, applied=no, and a pushback if not
// empty.
Answer Overloaded(const std::string& pushback_ms = "");

Answer Held();

class FakeCache final {
 public:
  FakeCache();
  ~FakeCache();

  FakeCache(const FakeCache&) = delete;
  FakeCache& operator=(const FakeCache&) = delete;

  // As "127.0.0.1:12345".
  const std::string& address() const { return address_; }

  void Script(const std::string& rpc, std::deque<Answer> answers);

  // The stamp of every answer from now on to a keyed write or to a call that
  // asks; empty: none.
  void set_stamp(const std::string& stamp);

  // The copies of `rpc` so far.
  std::vector<Seen> SeenOf(const std::string& rpc) const;

  // Waits until that many copies of `rpc` have come.
  void AwaitSeen(const std::string& rpc, size_t count) const;

  // Waits until that many held copies have been cancelled.
  void AwaitCancelled(int count) const;

 private:
  class Service;

  Answer Take(const std::string& rpc, const Seen& seen,
              grpc::CallbackServerContext& context);
  void OnCancelled();

  mutable Mutex mutex_;
  mutable std::condition_variable changed_;
  std::map<std::string, std::deque<Answer>> scripts_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::vector<Seen>> seen_ ABSL_GUARDED_BY(mutex_);
  std::string stamp_ ABSL_GUARDED_BY(mutex_) = "stamp-1";
  int cancelled_ ABSL_GUARDED_BY(mutex_) = 0;

  // Constant after construction.
  std::unique_ptr<Service> service_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

}  // namespace latchkey::client

#endif  // LATCHKEY_TESTS_CLIENT_LIB_FAKE_CACHE_H_
