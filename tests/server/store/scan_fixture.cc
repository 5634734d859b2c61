#include "tests/server/store/scan_fixture.h"

#include "absl/strings/str_cat.h"
#include "server/base/string_view.h"
#include "tests/support/seeded_random.h"

namespace latchkey {

std::string TextOf(const EntryView& view) {
  return absl::StrCat(ToAbsl(view.entry->key()), "=",
                      ToAbsl(view.entry->value()), " v", view.entry->version(),
                      " f", view.entry->flags(), " e", view.expire_time);
}

RunningScan::RunningScan(Store& store, ScanOptions options, DeadlineToken token)
    : store_(store), options_(options), prefix_(options.prefix), token_(token) {
  options_.prefix = prefix_;
  auto scan = store_.scanner().Start(options_);
  EXPECT_TRUE(scan.ok()) << scan.status();
  scan_ = *std::move(scan);
}

Seen RunningScan::Next() {
  EXPECT_FALSE(at_end_);
  absl::StatusOr<ScanPage> page = scan_->Next(token_);
  EXPECT_TRUE(page.ok()) << page.status();
  if (!page.ok()) {
    at_end_ = true;
    return {};
  }
  EXPECT_LE(page->entries.size(), options_.page.entries_max);
  Seen entries;
  for (const EntryView& view : page->entries) entries.insert(TextOf(view));
  seen_.insert(entries.begin(), entries.end());
  tokens_.push_back(page->resume_token);
  pages_.push_back(entries);
  at_end_ = page->resume_token.empty();
  version_ = page->snapshot_version;
  return entries;
}

Seen RunningScan::Rest() {
  while (!at_end_) Next();
  return seen_;
}

absl::Status RunningScan::Resume(size_t lost) {
  EXPECT_LT(lost, pages_.size());
  scan_ = nullptr;
  for (; lost > 0; --lost) {
    for (const std::string& entry : pages_.back()) {
      seen_.erase(seen_.find(entry));
    }
    pages_.pop_back();
    tokens_.pop_back();
  }
  options_.prefix = prefix_;
  options_.resume_token = tokens_.back();
  at_end_ = false;
  auto scan = store_.scanner().Start(options_);
  if (!scan.ok()) return scan.status();
  scan_ = *std::move(scan);
  return absl::OkStatus();
}

ScanTest::ScanTest(const StoreOptions& options)
    : StoreTest(options), hasher_(HasherOfStore()) {}

KeyHasher ScanTest::HasherOfStore() {
  SeededRandom random(kSeed);
  return KeyHasher(random);
}

std::string ScanTest::KeyIn(ShardIndex shard) {
  while (true) {
    std::string key = absl::StrCat("key", next_key_++);
    if (HashedKey{key, hasher_.Hash(key)}.shard() == shard) return key;
  }
}

std::vector<std::string> ScanTest::KeysIn(ShardIndex shard, size_t count) {
  std::vector<std::string> keys;
  while (keys.size() < count) keys.push_back(KeyIn(shard));
  return keys;
}

RunningScan ScanTest::Start(bool snapshot, size_t page,
                            std::string_view prefix) {
  return RunningScan(
      store(),
      {.prefix = prefix, .snapshot = snapshot, .page = {.entries_max = page}},
      token());
}

Seen ScanTest::Held(const std::vector<std::string>& keys) {
  Seen held;
  for (const std::string& key : keys) {
    const EntryView view = Look(key);
    if (view.entry) held.insert(TextOf(view));
  }
  return held;
}

absl::Status ScanTest::StartError(const ScanOptions& options) {
  const auto scan = store().scanner().Start(options);
  EXPECT_FALSE(scan.ok());
  return scan.status();
}

}  // namespace latchkey
