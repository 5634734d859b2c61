#include "server/transport/grpc/call_slots.h"

#include "server/base/string_view.h"

namespace latchkey {

bool CallSlots::Take(std::string_view peer, bool about_server) {
  const MutexLock lock(mutex_);
  const int64_t all = ++all_.Of(about_server);
  const int64_t of_connection = ++by_connection_[ToAbsl(peer)].Of(about_server);
  return about_server ? all <= options_.about_server_calls_max &&
                            of_connection <=
                                options_.about_server_calls_per_connection_max
                      : all <= options_.calls_max &&
                            of_connection <= options_.calls_per_connection_max;
}

void CallSlots::GiveBack(std::string_view peer, bool about_server) {
  const MutexLock lock(mutex_);
  --all_.Of(about_server);
  const auto it = by_connection_.find(ToAbsl(peer));
  --it->second.Of(about_server);
  if (it->second.work + it->second.about_server == 0) by_connection_.erase(it);
}

}  // namespace latchkey
