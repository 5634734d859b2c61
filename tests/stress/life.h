// Life is one life of a server: a latchkeyd process, from its start to its
// kill, and a connection straight to it that no fault touches.
//
// A life begins with a commit of its own, so that the first version is known:
// every version below it is of an earlier life.
//
// Thread safety: an instance belongs to one thread.
//
// Example:
//   auto life = Life::Start(path, 3);
//   proxy.SetTarget((*life)->address());
//   ...
//   (*life)->Kill();

#ifndef LATCHKEY_TESTS_STRESS_LIFE_H_
#define LATCHKEY_TESTS_STRESS_LIFE_H_

#include <grpcpp/channel.h>
#include <grpcpp/support/status.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "client/verify/history.h"
#include "client/verify/method.h"
#include "tests/support/child_process.h"

namespace latchkey::stress {

class Life {
 public:
  // Starts `latchkeyd` and waits until it serves.
  static absl::StatusOr<std::unique_ptr<Life>> Start(
      const std::string& latchkeyd, uint64_t number);

  // From 1 on.
  uint64_t number() const { return number_; }
  const std::string& address() const { return address_; }
  // Of this incarnation.
  const std::string& stamp() const { return stamp_; }
  // Of the first commit, and the event itself, for the history.
  uint64_t first_version() const { return first_version_; }
  const verify::HistoryEvent& first_event() const { return first_event_; }

  // One call, blocking; `request` and `response` in wire format.  With `stamp`
  // not empty it is sent as that of a keyed write.
  grpc::Status Send(verify::Method method, std::string_view request,
                    const std::string& stamp, std::string* response);

  // SIGSTOP and SIGCONT.
  void Stop();
  void Continue();
  bool stopped() const { return stopped_; }

  // kill -9; returns when the process is gone.
  void Kill();

 private:
  Life(uint64_t number, std::unique_ptr<ChildProcess> process,
       std::string address);

  absl::Status Begin();

  const uint64_t number_;
  const std::unique_ptr<ChildProcess> process_;
  const std::string address_;
  std::shared_ptr<grpc::Channel> channel_;

  std::string stamp_;
  uint64_t first_version_ = 0;
  verify::HistoryEvent first_event_;
  std::string first_request_;
  std::string first_response_;
  bool stopped_ = false;
};

}  // namespace latchkey::stress

#endif  // LATCHKEY_TESTS_STRESS_LIFE_H_
