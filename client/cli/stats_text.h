// The statistics of a server as a person reads them: a section for each part of
// the answer, names and values in columns, bytes in larger units as well, and
// the share of reads that hit.  It walks the message's descriptor, so that a
// field added to the API is shown without new code here.
//
// Thread safety: a free function, no shared state.
//
// Example, in part:
//   keys
//     hits       6
//     misses     2
//     hit_ratio  75.00 %

#ifndef LATCHKEY_CLIENT_CLI_STATS_TEXT_H_
#define LATCHKEY_CLIENT_CLI_STATS_TEXT_H_

#include <string>

#include "latchkey/v1/admin.pb.h"

namespace latchkey::client {

// Each line ends in '\n'.
std::string StatsToText(const v1::GetStatsResponse& stats);

}  // namespace latchkey::client

#endif  // LATCHKEY_CLIENT_CLI_STATS_TEXT_H_
