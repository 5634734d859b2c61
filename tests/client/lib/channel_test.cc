#include "client/lib/channel.h"

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>

#include "latchkey/v1/cache.grpc.pb.h"

namespace latchkey::client {
namespace {

// Answers with the caller's address as the key, and a value of `value_bytes`
// behind what the caller shows as its authorization.
class EchoPeer final : public v1::Cache::Service {
 public:
  grpc::Status Get(grpc::ServerContext* context, const v1::GetRequest*,
                   v1::GetResponse* response) override {
    response->mutable_entry()->set_key(context->peer());
    std::string value;
    for (auto [begin, end] =
             context->client_metadata().equal_range("authorization");
         begin != end; ++begin) {
      value.append(begin->second.data(), begin->second.size());
    }
    response->mutable_entry()->set_value(value.append(value_bytes, 'x'));
    return grpc::Status::OK;
  }

  // Set between calls.  gRPC orders it with the next one, inside a library that
  // the thread sanitizer does not see into.
  std::atomic<size_t> value_bytes = 0;
};

class ChannelTest : public ::testing::Test {
 protected:
  ChannelTest() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                             &port);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    address_ = "127.0.0.1:" + std::to_string(port);
  }

  ~ChannelTest() override { server_->Shutdown(); }

  grpc::Status Get(const std::shared_ptr<grpc::Channel>& channel,
                   v1::GetResponse& response) {
    grpc::ClientContext context;
    return v1::Cache::NewStub(channel)->Get(&context, v1::GetRequest(),
                                            &response);
  }

  std::string PeerSeenThrough(const std::shared_ptr<grpc::Channel>& channel) {
    v1::GetResponse response;
    const grpc::Status status = Get(channel, response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.entry().key();
  }

  EchoPeer service_;
  std::string address_;
  std::unique_ptr<grpc::Server> server_;
};

TEST_F(ChannelTest, DistinctIdsHaveConnectionsOfTheirOwn) {
  const auto first = MakeChannel(address_, {.distinct_id = 1});
  const auto second = MakeChannel(address_, {.distinct_id = 2});

  EXPECT_NE(PeerSeenThrough(first), PeerSeenThrough(second));
}

TEST_F(ChannelTest, EqualIdsShareAConnection) {
  const auto first = MakeChannel(address_, {.distinct_id = 1});
  const auto second = MakeChannel(address_, {.distinct_id = 1});

  EXPECT_EQ(PeerSeenThrough(first), PeerSeenThrough(second));
}

TEST_F(ChannelTest, TakesAnswersAboveTheLibrarysOwnLimit) {
  service_.value_bytes = 5 * 1024 * 1024;
  v1::GetResponse response;

  const grpc::Status status = Get(MakeChannel(address_), response);

  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.entry().value().size(), service_.value_bytes);
}

TEST_F(ChannelTest, RefusesAnswersAboveItsLimit) {
  service_.value_bytes = 2'000;
  v1::GetResponse response;

  const grpc::Status status =
      Get(MakeChannel(address_, {.receive_bytes_max = 1'000}), response);

  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(ChannelTest, ShowsItsTokenWithEveryCallAndOnce) {
  const auto with = MakeChannel(address_, {.token = "s3cret"});
  const auto without = MakeChannel(address_);
  for (int call = 0; call < 3; ++call) {
    v1::GetResponse response;
    EXPECT_TRUE(Get(with, response).ok());
    EXPECT_EQ(response.entry().value(), "Bearer s3cret");
    // It shares the connection, and shows nothing.
    EXPECT_TRUE(Get(without, response).ok());
    EXPECT_EQ(response.entry().value(), "");
  }
}

}  // namespace
}  // namespace latchkey::client
