#include "server/tls/tls_keeper.h"

namespace latchkey {

namespace {

using Identity = absl::StatusOr<std::shared_ptr<const TlsIdentity>>;

// What the files hold, or `current` where it is that.
Identity Load(const TlsOptions& options,
              const std::shared_ptr<const TlsIdentity>& current) {
  absl::StatusOr<TlsTexts> texts = ReadTlsFiles(options);
  if (!texts.ok()) return texts.status();
  if (current != nullptr && *texts == current->texts()) return current;
  return TlsIdentity::Make(options, *std::move(texts));
}

}  // namespace

absl::StatusOr<std::unique_ptr<TlsKeeper>> TlsKeeper::Open(TlsOptions options) {
  Identity identity = Load(options, nullptr);
  if (!identity.ok()) return identity.status();
  return std::unique_ptr<TlsKeeper>(
      new TlsKeeper(std::move(options), *std::move(identity)));
}

std::shared_ptr<const TlsIdentity> TlsKeeper::identity() const {
  MutexLock lock(mutex_);
  return identity_;
}

std::optional<absl::Status> TlsKeeper::Look() {
  const std::shared_ptr<const TlsIdentity> current = identity();
  Identity loaded = Load(options_, current);
  if (!loaded.ok()) {
    if (loaded.status() == told_) return std::nullopt;
    told_ = loaded.status();
    failures_.fetch_add(1, std::memory_order_relaxed);
    return told_;
  }
  told_ = absl::OkStatus();
  if (*loaded == current) return std::nullopt;
  reloads_.fetch_add(1, std::memory_order_relaxed);
  MutexLock lock(mutex_);
  identity_ = *std::move(loaded);
  return absl::OkStatus();
}

}  // namespace latchkey
