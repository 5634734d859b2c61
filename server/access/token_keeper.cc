#include "server/access/token_keeper.h"

#include "absl/strings/match.h"
#include "server/base/string_view.h"

namespace latchkey {
namespace {

constexpr std::string_view kScheme = "Bearer ";

}  // namespace

absl::StatusOr<std::unique_ptr<TokenKeeper>> TokenKeeper::Open(
    std::string file) {
  std::unique_ptr<TokenKeeper> keeper(new TokenKeeper(std::move(file)));
  if (absl::Status s = keeper->Reload(); !s.ok()) return s;
  return keeper;
}

Caller TokenKeeper::Find(std::string_view authorization) const {
  if (!absl::StartsWithIgnoreCase(ToAbsl(authorization), ToAbsl(kScheme))) {
    return {};
  }
  std::shared_ptr<const TokenTable> table;
  uint64_t generation;
  {
    MutexLock lock(mutex_);
    table = table_;
    generation = generation_.load(std::memory_order_relaxed);
  }
  return {.principal = table->Find(authorization.substr(kScheme.size())),
          .generation = generation};
}

absl::Status TokenKeeper::Reload() {
  absl::StatusOr<TokenTable> read = TokenTable::Read(file_, principals_);
  if (!read.ok()) return read.status();
  auto table = std::make_shared<const TokenTable>(*std::move(read));
  MutexLock lock(mutex_);
  table_ = std::move(table);
  generation_.fetch_add(1, std::memory_order_release);
  return absl::OkStatus();
}

}  // namespace latchkey
