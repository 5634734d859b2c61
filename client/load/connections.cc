#include "client/load/connections.h"

#include <grpc/support/time.h>

#include "client/lib/channel.h"

namespace latchkey::load {

Channels MakeConnections(const ConnectionOptions& options) {
  Channels channels;
  for (size_t i = 0; i < options.connections; ++i) {
    channels.push_back(client::MakeChannel(
        options.target.address, {.distinct_id = static_cast<int>(i),
                                 .retries = options.retries,
                                 .credentials = options.target.credentials,
                                 .server_name = options.target.server_name,
                                 .token = options.target.token}));
  }
  return channels;
}

std::vector<Channels> DealOut(const Channels& channels, size_t threads) {
  std::vector<Channels> dealt(threads);
  for (size_t i = 0; i < channels.size(); ++i) {
    dealt[i % threads].push_back(channels[i]);
  }
  return dealt;
}

absl::Status ConnectAll(const Channels& channels, const std::string& address,
                        Nanos patience) {
  const gpr_timespec deadline =
      gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                   gpr_time_from_nanos(patience, GPR_TIMESPAN));
  // All begin to connect before the first is waited for.
  for (const auto& channel : channels) channel->GetState(true);
  for (size_t i = 0; i < channels.size(); ++i) {
    if (channels[i]->WaitForConnected(deadline)) continue;
    return absl::UnavailableError(
        "cannot connect to " + address + " (connection " +
        std::to_string(i + 1) + " of " + std::to_string(channels.size()) + ")");
  }
  return absl::OkStatus();
}

}  // namespace latchkey::load
