#include "server/transport/native/address_counts.h"

#include <limits>

namespace latchkey {
namespace {

// 127.0.0.0/8, and ::1 with the few that are no one's.
bool IsThisMachine(const std::string& network) {
  return network[0] == 127 || network == std::string(8, '\0');
}

}  // namespace

int AddressCounts::MaxOf(const std::string& network) const {
  if (max_ > 0) return max_;
  return IsThisMachine(network) ? std::numeric_limits<int>::max()
                                : default_max_;
}

bool AddressCounts::Add(const std::string& network) {
  MutexLock lock(mutex_);
  int& count = counts_[network];
  if (count >= MaxOf(network)) {
    if (count == 0) counts_.erase(network);
    return false;
  }
  ++count;
  return true;
}

void AddressCounts::Remove(const std::string& network) {
  MutexLock lock(mutex_);
  const auto it = counts_.find(network);
  if (--it->second == 0) counts_.erase(it);
}

}  // namespace latchkey
