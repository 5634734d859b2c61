// SessionSettings makes nghttp2's sessions, and is what all those of a worker
// share: the callbacks, which call the Session, and the options.
//
// Thread safety: constant after construction.

#ifndef LATCHKEY_SERVER_TRANSPORT_NATIVE_SESSION_SETTINGS_H_
#define LATCHKEY_SERVER_TRANSPORT_NATIVE_SESSION_SETTINGS_H_

#include <nghttp2/nghttp2.h>

#include "server/transport/native/options.h"

namespace latchkey {

class Session;

class SessionSettings {
 public:
  // `options` must outlive it.
  explicit SessionSettings(const NativeServerOptions& options);
  ~SessionSettings();

  SessionSettings(const SessionSettings&) = delete;
  SessionSettings& operator=(const SessionSettings&) = delete;

  // A session that calls `session`, with the server's SETTINGS to be sent; its
  // owner deletes it.
  nghttp2_session* NewSession(Session* session) const;

  // The streams that a connection may have open.
  int streams_max() const {
    return options_.calls_per_connection_max +
           options_.about_server_calls_per_connection_max;
  }

 private:
  const NativeServerOptions& options_;
  nghttp2_session_callbacks* callbacks_ = nullptr;
  nghttp2_option* option_ = nullptr;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_TRANSPORT_NATIVE_SESSION_SETTINGS_H_
