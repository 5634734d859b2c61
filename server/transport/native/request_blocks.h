// RequestBlocks remembers what recent header blocks of requests said.
//
// Thread safety: an instance belongs to one thread.

#ifndef LATCHKEY_SERVER_TRANSPORT_NATIVE_REQUEST_BLOCKS_H_
#define LATCHKEY_SERVER_TRANSPORT_NATIVE_REQUEST_BLOCKS_H_

#include "proto/wire/header_blocks.h"
#include "server/access/token_keeper.h"
#include "server/transport/native/request_headers.h"

namespace latchkey {

struct Method;

// The headers of a call, the method of their path, and who sends them, where
// that was asked.
struct CallHeaders {
  RequestHeaders headers;
  const Method* method;
  Caller caller = {};
};

using RequestBlocks = wire::HeaderBlocks<CallHeaders>;

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_TRANSPORT_NATIVE_REQUEST_BLOCKS_H_
