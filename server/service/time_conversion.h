// google.protobuf's times to and from ours, for every value a client can send.
//
// Thread safety: free functions, no shared state.

#ifndef LATCHKEY_SERVER_SERVICE_TIME_CONVERSION_H_
#define LATCHKEY_SERVER_SERVICE_TIME_CONVERSION_H_

#include <optional>

#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "server/base/clock.h"

namespace latchkey {

// `duration` in nanoseconds, or the nearest value that Nanos can hold.  Nothing
// where it breaks the rules of its type: nanos beyond 999,999,999 or of another
// sign than the seconds.
std::optional<Nanos> ToNanos(const google::protobuf::Duration& duration);

// `timestamp`, or the nearest instant that UnixNanos can hold.  Nothing where
// its nanos are not 0 to 999,999,999.
std::optional<UnixNanos> ToUnixNanos(
    const google::protobuf::Timestamp& timestamp);

void ToDuration(Nanos time, google::protobuf::Duration* duration);

void ToTimestamp(UnixNanos time, google::protobuf::Timestamp* timestamp);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SERVICE_TIME_CONVERSION_H_
