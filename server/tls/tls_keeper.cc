#include "server/tls/tls_keeper.h"

namespace latchkey {

absl::StatusOr<std::unique_ptr<TlsKeeper>> TlsKeeper::Open(TlsOptions options) {
  absl::StatusOr<TlsTexts> texts = ReadTlsFiles(options);
  if (!texts.ok()) return texts.status();
  absl::StatusOr<std::shared_ptr<const TlsIdentity>> identity =
      TlsIdentity::Make(options, *std::move(texts));
  if (!identity.ok()) return identity.status();
  return std::unique_ptr<TlsKeeper>(
      new TlsKeeper(std::move(options), *std::move(identity)));
}

std::shared_ptr<const TlsIdentity> TlsKeeper::identity() const {
  MutexLock lock(mutex_);
  return identity_;
}

}  // namespace latchkey
