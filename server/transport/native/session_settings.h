// SessionSettings is what all sessions of a worker share: nghttp2's callbacks,
// which call the Session, and its options.
//
// Thread safety: constant after construction.

#ifndef LATCHKEY_SERVER_TRANSPORT_NATIVE_SESSION_SETTINGS_H_
#define LATCHKEY_SERVER_TRANSPORT_NATIVE_SESSION_SETTINGS_H_

#include <nghttp2/nghttp2.h>

#include "server/transport/native/options.h"

namespace latchkey {

class SessionSettings {
 public:
  explicit SessionSettings(const NativeServerOptions& options);
  ~SessionSettings();

  SessionSettings(const SessionSettings&) = delete;
  SessionSettings& operator=(const SessionSettings&) = delete;

  const nghttp2_session_callbacks* callbacks() const { return callbacks_; }
  const nghttp2_option* option() const { return option_; }

 private:
  nghttp2_session_callbacks* callbacks_ = nullptr;
  nghttp2_option* option_ = nullptr;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_TRANSPORT_NATIVE_SESSION_SETTINGS_H_
