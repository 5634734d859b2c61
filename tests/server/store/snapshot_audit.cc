#include "tests/server/store/snapshot_audit.h"

#include <charconv>
#include <memory>
#include <random>
#include <string_view>
#include <thread>

#include "server/base/check.h"
#include "server/store/operations.h"
#include "server/store/scanner.h"

namespace latchkey {

SnapshotAudit::SnapshotAudit(Store& store, uint64_t seed)
    : store_(store), seed_(seed) {
  const std::string each = std::to_string(kEach);
  for (size_t i = 0; i < kAccounts; ++i) {
    names_.push_back("account:" + std::to_string(i));
    other_names_.push_back("renamed:" + std::to_string(i));
    const Operation put = PutOperation{.key = names_[i], .value = each};
    const auto written =
        store_.Write({.on_success = {&put, 1}}, endless_.token());
    LATCHKEY_CHECK(written.ok(), "an account is opened");
  }
}

bool SnapshotAudit::Move(uint64_t draw) {
  const size_t from = draw % kAccounts;
  const size_t to = (from + 1 + (draw >> 8) % (kAccounts - 1)) % kAccounts;
  const auto amount = static_cast<int64_t>(1 + (draw >> 16) % 50);
  const Operation transfer = TransferOperation{.source_key = names_[from],
                                               .destination_key = names_[to],
                                               .amount = amount};
  const auto write = [&](const Operation& operation) {
    return store_.Write({.on_success = {&operation, 1}}, endless_.token()).ok();
  };
  switch ((draw >> 32) % 4) {
    case 0:
      return write(MoveOperation{.source_key = names_[from],
                                 .destination_key = other_names_[from]});
    case 1:
      return write(MoveOperation{.source_key = other_names_[from],
                                 .destination_key = names_[from]});
    case 2: {
      const Operation both[] = {transfer, TouchOperation{.key = names_[to]}};
      return store_
          .Write({.form = Transaction::Form::kTransact, .on_success = both},
                 endless_.token())
          .ok();
    }
    default:
      return write(transfer);
  }
}

std::string SnapshotAudit::Read(size_t page_entries) {
  auto scan = store_.scanner().Start(
      {.snapshot = true, .page = {.entries_max = page_entries}});
  if (!scan.ok()) return scan.status().ToString();
  int64_t total = 0;
  size_t accounts = 0;
  std::string resume_token;
  do {
    const absl::StatusOr<ScanPage> page = (*scan)->Next(endless_.token());
    if (!page.ok()) return page.status().ToString();
    for (const EntryView& view : page->entries) {
      const std::string_view text = view.entry->value();
      int64_t amount = 0;
      std::from_chars(text.data(), text.data() + text.size(), amount);
      total += amount;
      ++accounts;
      if (view.entry->version() > page->snapshot_version) {
        return "an entry is newer than the snapshot";
      }
    }
    resume_token = page->resume_token;
  } while (!resume_token.empty());
  if (accounts == kAccounts && total == kEach * int64_t{kAccounts}) return "";
  return std::to_string(accounts) + " accounts with " + std::to_string(total) +
         " in all";
}

std::string SnapshotAudit::Run(uint64_t snapshots) {
  std::atomic<bool> done = false;
  std::vector<std::jthread> movers;
  for (uint64_t mover = 0; mover < kMovers; ++mover) {
    movers.emplace_back([&, mover] {
      std::mt19937_64 random(seed_ * kMovers + mover);
      while (!done) {
        if (Move(random())) ++moved_;
      }
    });
  }
  std::atomic<uint64_t> next = 0;
  std::atomic<bool> wrong = false;
  const auto read = [&](size_t page_entries) {
    std::string found;
    while (!wrong && found.empty() && next.fetch_add(1) < snapshots) {
      found = Read(page_entries);
      ++taken_;
    }
    if (!found.empty()) wrong = true;
    return found;
  };
  std::string found_by_other;
  std::jthread other([&] { found_by_other = read(10); });
  std::string found = read(1'000);
  other.join();
  done = true;
  for (std::jthread& mover : movers) mover.join();
  return found.empty() ? found_by_other : found;
}

}  // namespace latchkey
