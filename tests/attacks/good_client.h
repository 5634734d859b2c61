// GoodClient is whom the attacks must not hurt: a client with some connections
// that puts and gets small values on a timetable, whatever becomes of the
// answers, and counts those that come in time.
//
// Thread safety: an instance belongs to one thread.
//
// Example:
//   GoodClient client({.port = port});
//   const GoodClient::Result free = client.Run(0, kNanosPerSecond, {});
//   const GoodClient::Result paced = client.Run(free.answered / 3.0, ...);

#ifndef LATCHKEY_TESTS_ATTACKS_GOOD_CLIENT_H_
#define LATCHKEY_TESTS_ATTACKS_GOOD_CLIENT_H_

#include <openssl/ssl.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/base/clock.h"

namespace latchkey {

class GoodConnection;

class GoodClient {
 public:
  struct Options {
    int port = 0;
    // Null: no TLS.  Must outlive the client.
    SSL_CTX* tls = nullptr;
    int connections = 16;
  };

  struct Result {
    int64_t due = 0;
    int64_t answered = 0;
    // Of these, within kInTime after they were due.
    int64_t in_time = 0;
    // Answers other than OK, requests that were reset, and those that were lost
    // with their connection or never answered.
    int64_t errors = 0;
    // What the first of them was.
    std::string first_error;

    double goodput() const {
      return due == 0 ? 0 : static_cast<double>(in_time) / due;
    }
  };

  // A client would wait for longer; but a server that is held up answers later
  // than this.
  static constexpr Nanos kInTime = 100 * kNanosPerMilli;

  explicit GoodClient(const Options& options);
  ~GoodClient();

  // Sends `rate` requests in a second for `length`, one after the other on each
  // connection where `rate` is 0, and waits for all answers.  Calls `on_tick`
  // every few milliseconds.
  Result Run(double rate, Nanos length, const std::function<void()>& on_tick);

  // Puts `count` entries of `value_bytes`.
  Result Fill(int count, size_t value_bytes);

  // Makes a connection and a call on it, and another where they fail; returns
  // how long that took, or a negative number where it took longer than
  // `time_max`.
  static Nanos FreshCall(Options options, Nanos time_max);

 private:
  Result Loop(double rate, Nanos length, int64_t count_max,
              const std::function<void()>& on_tick);

  std::vector<std::unique_ptr<GoodConnection>> connections_;
  size_t value_bytes_ = 64;
  bool puts_only_ = false;
  uint64_t sent_ = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_ATTACKS_GOOD_CLIENT_H_
