// ServiceTest is a CacheService over a store, on a clock that the test moves,
// reached through the method table as a transport would:
//
//   Must<v1::PutResponse>("Put", R"(key: "k" value: "v")");
//   FakeCallError error = Error("Move", R"(source_key: "x" ...)");
//   EXPECT_EQ(error.reason, "KEY_NOT_FOUND");
//
// Requests are written in protobuf's text format.
//
// Thread safety: a fixture belongs to the thread of its test.

#ifndef LATCHKEY_TESTS_SERVER_SERVICE_SERVICE_FIXTURE_H_
#define LATCHKEY_TESTS_SERVER_SERVICE_SERVICE_FIXTURE_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

#include "google/protobuf/message.h"
#include "google/protobuf/text_format.h"
#include "latchkey/v1/cache.pb.h"
#include "server/rpc/method_table.h"
#include "server/service/cache_service.h"
#include "server/service/options.h"
#include "server/store/store.h"
#include "tests/support/fake_call.h"
#include "tests/support/fake_clock.h"
#include "tests/support/seeded_random.h"

namespace latchkey {

// The message that `text` describes.
template <typename Message>
Message FromText(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message))
      << text.substr(0, 200);
  return message;
}

// `text` as bytes of the request message of the RPC `name` of
// latchkey.v1.Cache.
std::string RequestBytes(std::string_view name, const std::string& text);

// The text `element` `count` times, with "#" replaced by 0, 1, 2 ...
std::string Repeat(int count, std::string_view element);

class ServiceTest : public ::testing::Test {
 protected:
  // Where the fake clock begins, in seconds since 1970.
  static constexpr int64_t kStartSeconds = 1'700'000'000;

  explicit ServiceTest(const ServiceOptions& options = {});

  Store& store() { return store_; }
  FakeClock& clock() { return clock_; }

  // Calls the RPC `name` with `bytes`, as a transport does.
  std::unique_ptr<FakeCall> Call(std::string_view name, std::string_view bytes,
                                 UnixNanos deadline = kNever);

  // As Call() of a unary RPC, which may wait.
  std::unique_ptr<FakeCall> Begin(std::string_view name, std::string_view bytes,
                                  UnixNanos deadline = kNever);

  // The answer to a request, which must go well.
  template <typename Response>
  Response Must(std::string_view name, const std::string& text) {
    const auto call = Call(name, RequestBytes(name, text));
    EXPECT_TRUE(call->ok()) << name << ": " << call->error().message;
    if (!call->ok()) return {};
    return call->template reply<Response>();
  }

  // The error of a request, which must fail and change nothing.
  FakeCallError Error(std::string_view name, const std::string& text);
  FakeCallError ErrorOfBytes(std::string_view name, std::string_view bytes);

 private:
  FakeClock clock_{kStartSeconds * kNanosPerSecond};
  SeededRandom random_{1};
  Store store_{StoreOptions{}, clock_, random_};
  CacheService service_;
  MethodTable methods_;
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SERVER_SERVICE_SERVICE_FIXTURE_H_
