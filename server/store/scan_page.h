// ScanPage is one message of a scan while it is filled: it says what still
// fits.
//
// Thread safety: belongs to one thread.

#ifndef LATCHKEY_SERVER_STORE_SCAN_PAGE_H_
#define LATCHKEY_SERVER_STORE_SCAN_PAGE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "server/store/entry.h"
#include "server/store/operations.h"

namespace latchkey {

// What one page may hold.
struct ScanPageLimits {
  // Entries, at least 1.
  size_t entries_max = 256;

  // Bytes: keys, values unless they are left out, and what an entry needs
  // beside them.  One entry always fits.  Small enough that a page is soon
  // made, sent and received, and far from the 4 MiB of a message.
  size_t bytes_max = 1024 * 1024;

  // Values are not sent, so they do not count.
  bool keys_only = false;
};

class ScanPage {
 public:
  explicit ScanPage(const ScanPageLimits& limits) : limits_(limits) {}

  // Whether `entry` fits.
  bool Fits(const Entry& entry) const {
    if (entries.empty()) return true;
    return entries.size() < limits_.entries_max &&
           bytes_ + BytesOf(entry) <= limits_.bytes_max;
  }

  bool IsFull() const {
    return entries.size() >= limits_.entries_max || bytes_ >= limits_.bytes_max;
  }

  // REQUIRES: Fits(*view.entry).
  void Add(EntryView view) {
    bytes_ += BytesOf(*view.entry);
    entries.push_back(std::move(view));
  }

  std::vector<EntryView> entries;
  // Where the scan goes on; empty at its end.
  std::string resume_token;
  // Of a snapshot.
  uint64_t snapshot_version = kNoVersion;

 private:
  // Tags, lengths, version, expiry and flags in a message, at most.
  static constexpr size_t kEntryOverheadBytes = 64;

  size_t BytesOf(const Entry& entry) const {
    return kEntryOverheadBytes + entry.key().size() +
           (limits_.keys_only ? 0 : entry.value().size());
  }

  const ScanPageLimits limits_;
  size_t bytes_ = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_SCAN_PAGE_H_
