// TlsKeeper holds the TlsIdentity that new connections are served with.
//
// Thread safety: identity() from any thread.
//
// Example:
//   absl::StatusOr<std::unique_ptr<TlsKeeper>> keeper =
//   TlsKeeper::Open(options); if (!keeper.ok()) return Refuse(keeper.status());

#ifndef LATCHKEY_SERVER_TLS_TLS_KEEPER_H_
#define LATCHKEY_SERVER_TLS_TLS_KEEPER_H_

#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "server/base/mutex.h"
#include "server/tls/options.h"
#include "server/tls/tls_identity.h"

namespace latchkey {

class TlsKeeper {
 public:
  // Reads the files.
  //
  // Errors: INVALID_ARGUMENT, which begins with the option and the file.
  static absl::StatusOr<std::unique_ptr<TlsKeeper>> Open(TlsOptions options);

  TlsKeeper(const TlsKeeper&) = delete;
  TlsKeeper& operator=(const TlsKeeper&) = delete;

  const TlsOptions& options() const { return options_; }

  // Never null.
  std::shared_ptr<const TlsIdentity> identity() const;

 private:
  TlsKeeper(TlsOptions options, std::shared_ptr<const TlsIdentity> identity)
      : options_(std::move(options)), identity_(std::move(identity)) {}

  // Constant after construction.
  const TlsOptions options_;

  // Guarded by mutex_.
  mutable Mutex mutex_;
  std::shared_ptr<const TlsIdentity> identity_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_TLS_TLS_KEEPER_H_
