// ClientFixture is a Client of a FakeCache whose time stands still until the
// test fires a timer.
//
// Deadlines are long by default, since gRPC keeps them by the real clock.

#ifndef LATCHKEY_TESTS_CLIENT_LIB_CLIENT_FIXTURE_H_
#define LATCHKEY_TESTS_CLIENT_LIB_CLIENT_FIXTURE_H_

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "client/lib/client.h"
#include "tests/client/lib/fake_cache.h"
#include "tests/client/lib/fakes.h"

namespace latchkey::client {

class ClientFixture : public testing::Test {
 protected:
  using PutResult = Result<v1::PutResponse>;

  ClientFixture() { Connect({}); }

  // Replaces the client by one with these options.
  void Connect(ClientOptions options) {
    if (options.deadline == ClientOptions().deadline) {
      options.deadline = std::chrono::minutes(5);
    }
    options.clock = &clock_;
    options.random = &random_;
    options.timers = &timers_;
    client_ = std::make_unique<Client>(cache_.address(), options);
  }

  static v1::PutRequest PutOf(const std::string& key) {
    v1::PutRequest request;
    request.set_key(key);
    request.set_value("value");
    return request;
  }

  static v1::GetRequest GetOf(const std::string& key) {
    v1::GetRequest request;
    request.set_key(key);
    return request;
  }

  std::future<PutResult> StartPut(const v1::PutRequest& request = PutOf("k"),
                                  const CallOptions& options = {}) {
    auto promise = std::make_shared<std::promise<PutResult>>();
    client_->PutAsync(request, options, [promise](PutResult result) {
      promise->set_value(std::move(result));
    });
    return promise->get_future();
  }

  std::future<Result<v1::GetResponse>> StartGet(
      const v1::GetRequest& request = GetOf("k"),
      const CallOptions& options = {}) {
    auto promise = std::make_shared<std::promise<Result<v1::GetResponse>>>();
    client_->GetAsync(request, options,
                      [promise](Result<v1::GetResponse> result) {
                        promise->set_value(std::move(result));
                      });
    return promise->get_future();
  }

  // The client holds stamp-1 from here on, by way of a write.
  void LearnStamp() { ASSERT_TRUE(client_->Put(PutOf("first")).ok()); }

  FakeCache cache_;
  FakeClock clock_;
  FakeTimers timers_{clock_};
  ScriptedRandom random_{{UINT64_MAX}};
  std::unique_ptr<Client> client_;
};

}  // namespace latchkey::client

#endif  // LATCHKEY_TESTS_CLIENT_LIB_CLIENT_FIXTURE_H_
