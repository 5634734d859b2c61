// That point calls allocate nothing of their own once a connection is warm:
// each `operator new` on the server's threads is counted, from the socket to
// the store.

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <optional>
#include <string>

#include "latchkey/v1/cache.pb.h"
#include "server/base/random.h"
#include "server/rpc/method_table.h"
#include "server/service/cache_service.h"
#include "server/store/store.h"
#include "server/transport/native/native_server.h"
#include "tests/server/transport/native/raw_client.h"
#include "tests/support/fake_clock.h"

namespace {

std::atomic<int64_t> allocations = 0;
// False on the test's own thread.
thread_local bool is_counted = true;

void* Allocate(size_t size) {
  if (is_counted) allocations.fetch_add(1, std::memory_order_relaxed);
  void* const memory = std::malloc(size);
  if (memory == nullptr) std::abort();
  return memory;
}

}  // namespace

void* operator new(size_t size) { return Allocate(size); }
void* operator new[](size_t size) { return Allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }

namespace latchkey {
namespace {

constexpr int kInFlight = 16;
constexpr int kRounds = 50;

class AllocationTest : public testing::Test {
 protected:
  AllocationTest() {
    is_counted = false;
    cache_.Register(methods_);
    const absl::StatusOr<int> port = server_.Start();
    EXPECT_TRUE(port.ok()) << port.status();
    client_.emplace(port.value_or(0));
    client_->Handshake();
    v1::PutRequest put;
    put.set_key("key-0123456789ab");
    put.set_value(std::string(64, 'v'));
    put_ = put.SerializeAsString();
    v1::GetRequest get;
    get.set_key(put.key());
    get_ = get.SerializeAsString();
    Run("Put", put_);
  }

  // Allocations of the server for each of a number of calls, all of which
  // succeed.
  double Run(const std::string& method, const std::string& request) {
    const std::string path = "/latchkey.v1.Cache/" + method;
    const int64_t before = allocations.load();
    for (int round = 0; round < kRounds; ++round) {
      std::string calls;
      for (int i = 0; i < kInFlight; ++i) {
        const int stream = next_stream_ + 2 * i;
        calls +=
            RawClient::Headers(stream, path) + Data(stream, Framed(request));
      }
      client_->Send(calls);
      for (int i = 0; i < kInFlight; ++i, next_stream_ += 2) {
        EXPECT_EQ(client_->Await(next_stream_).status, "0");
      }
    }
    return static_cast<double>(allocations.load() - before) /
           (kRounds * kInFlight);
  }

  // Stands still, so that no turn of the connection ends for its length.
  FakeClock clock_;
  SystemRandom random_;
  Store store_{{}, clock_, random_};
  CacheService cache_{store_, clock_, {}};
  MethodTable methods_;
  NativeServer server_{{.threads = 1}, methods_, clock_};
  std::optional<RawClient> client_;
  std::string put_;
  std::string get_;
  int next_stream_ = 1;
};

TEST_F(AllocationTest, GetAllocatesNothing) {
  Run("Get", get_);
  EXPECT_EQ(Run("Get", get_), 0);
}

TEST_F(AllocationTest, PutAllocatesItsEntry) { EXPECT_EQ(Run("Put", put_), 1); }

}  // namespace
}  // namespace latchkey
