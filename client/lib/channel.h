// MakeChannel opens gRPC channels the way every Latchkey program wants them.
//
// Thread safety: may be called from any thread; so may a channel's methods.
//
// Example:
//   auto stub = v1::Cache::NewStub(MakeChannel("127.0.0.1:7411"));

#ifndef LATCHKEY_CLIENT_LIB_CHANNEL_H_
#define LATCHKEY_CLIENT_LIB_CHANNEL_H_

#include <grpcpp/channel.h>
#include <grpcpp/security/credentials.h>

#include <memory>
#include <string>

namespace latchkey::client {

// An answer to a BatchGet of many large values is far above gRPC's default of
// 4 MiB; requests are bounded by the server.
inline constexpr int kReceiveBytesMax = 64 * 1024 * 1024;

struct ChannelOptions {
  // Channels to one address share a TCP connection unless their numbers differ.
  int distinct_id = 0;

  // How often an otherwise silent connection with calls on it is probed, so
  // that a peer that is gone without a word is found out.  Not below what the
  // server permits, or it answers with GOAWAY, too_many_pings.  0: never.
  int keepalive_ms = 0;

  // The largest answer that is taken; a larger one is RESOURCE_EXHAUSTED.
  int receive_bytes_max = kReceiveBytesMax;

  // Whether gRPC may itself send a call again, unseen by its caller.
  bool retries = true;

  // What the channel is encrypted with (tls.h); null: it is not.
  std::shared_ptr<grpc::ChannelCredentials> credentials;

  // Whom the server's certificate must be for, where that is not the host of
  // the address.
  std::string server_name;

  // The bearer token that every call shows (token.h); empty: none.
  std::string token;
};

// A channel to `address`, HOST:PORT.  It connects with its first call.
std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address,
                                           const ChannelOptions& options = {});

}  // namespace latchkey::client

#endif  // LATCHKEY_CLIENT_LIB_CHANNEL_H_
