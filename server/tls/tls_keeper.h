// TlsKeeper holds the TlsIdentity that new connections are served with, and
// takes another one when its files have become that: a certificate is renewed
// without a restart.  Connections that are there keep what they began with.
//
// It compares what the files hold and not their times, so that no change is
// missed, however they were changed; they are some kilobytes.  Files are
// replaced one after the other, and what does not match in between is kept from
// new connections.
//
// Thread safety: Look() belongs to one thread at a time; the rest from any.
//
// Example:
//   absl::StatusOr<std::unique_ptr<TlsKeeper>> keeper =
//       TlsKeeper::Open(options);
//   if (!keeper.ok()) return Refuse(keeper.status());
//   ...
//   if (std::optional<absl::Status> news = (*keeper)->Look()) Tell(*news);

#ifndef LATCHKEY_SERVER_TLS_TLS_KEEPER_H_
#define LATCHKEY_SERVER_TLS_TLS_KEEPER_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
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

  // Reads the files.  Returns OK where they have become a new identity, which
  // is served from now on; an error where they cannot be used, and the old one
  // is kept; nothing where there is nothing new, good or bad, to be told.
  std::optional<absl::Status> Look();

  // How often Look() returned OK, and an error.
  int64_t reloads() const { return reloads_.load(std::memory_order_relaxed); }
  int64_t failures() const { return failures_.load(std::memory_order_relaxed); }

 private:
  TlsKeeper(TlsOptions options, std::shared_ptr<const TlsIdentity> identity)
      : options_(std::move(options)), identity_(std::move(identity)) {}

  // Constant after construction.
  const TlsOptions options_;

  // Statistics: relaxed is enough.
  std::atomic<int64_t> reloads_ = 0;
  std::atomic<int64_t> failures_ = 0;

  // Belongs to who calls Look(): the error that was told last, if no good look
  // came after it.
  absl::Status told_;

  // Guarded by mutex_.
  mutable Mutex mutex_;
  std::shared_ptr<const TlsIdentity> identity_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_TLS_TLS_KEEPER_H_
