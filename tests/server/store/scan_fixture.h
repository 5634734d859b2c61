// ScanTest is a StoreTest that scans: keys by shard, and pages as text.
//
//   SnapshotScanner scan = Snapshot();
//   scan.Next();                      // one page
//   Put("k", "new");
//   EXPECT_EQ(scan.Rest(), before);   // all entries, as text
//
// Thread safety: a fixture belongs to the thread of its test.

#ifndef LATCHKEY_TESTS_SERVER_STORE_SCAN_FIXTURE_H_
#define LATCHKEY_TESTS_SERVER_STORE_SCAN_FIXTURE_H_

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "server/store/scanner.h"
#include "tests/server/store/store_fixture.h"

namespace latchkey {

// Entries as text, each once for each time that it came: key, value, version,
// flags, expiry.
using Seen = std::multiset<std::string>;

std::string TextOf(const EntryView& view);

// A scan on its way, and what it has shown.
class RunningScan {
 public:
  RunningScan(Store& store, ScanOptions options, DeadlineToken token);

  // Reads a page and returns its entries.
  Seen Next();

  // Reads to the end and returns all entries that ever came.
  Seen Rest();

  // As a client whose stream broke, which has the pages up to the last one but
  // `lost` and goes on behind them.
  void Break() { scan_ = nullptr; }
  absl::Status Resume(size_t lost = 0);

  // Whatever comes of reading a page.
  absl::StatusOr<ScanPage> Try() { return scan_->Next(token_); }

  bool at_end() const { return at_end_; }
  const Seen& seen() const { return seen_; }
  const std::string& resume_token() const { return tokens_.back(); }
  uint64_t version() const { return version_; }
  size_t pages() const { return tokens_.size(); }

 private:
  Store& store_;
  ScanOptions options_;
  std::string prefix_;
  DeadlineToken token_;
  std::unique_ptr<Scan> scan_;
  // Of each page.
  std::vector<std::string> tokens_;
  std::vector<Seen> pages_;
  Seen seen_;
  bool at_end_ = false;
  uint64_t version_ = 0;
};

class ScanTest : public StoreTest {
 protected:
  explicit ScanTest(const StoreOptions& options = {});

  // A new key of a shard.
  std::string KeyIn(ShardIndex shard);
  std::vector<std::string> KeysIn(ShardIndex shard, size_t count);

  // Scans of one entry a page, unless said otherwise.
  RunningScan Start(bool snapshot, size_t page = 1,
                    std::string_view prefix = {});
  RunningScan Snapshot(size_t page = 1, std::string_view prefix = {}) {
    return Start(true, page, prefix);
  }
  RunningScan Fuzzy(size_t page = 1, std::string_view prefix = {}) {
    return Start(false, page, prefix);
  }

  // What the store holds of `keys` now, read key by key.
  Seen Held(const std::vector<std::string>& keys);

  // The error of a scan that cannot be started.
  absl::Status StartError(const ScanOptions& options);

 private:
  KeyHasher HasherOfStore();

  const KeyHasher hasher_;
  int next_key_ = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SERVER_STORE_SCAN_FIXTURE_H_
