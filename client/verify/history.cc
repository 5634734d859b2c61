#include "client/verify/history.h"

#include <algorithm>
#include <cstring>

namespace latchkey::verify {
namespace {

constexpr size_t kBlockBytes = 1 << 20;

}  // namespace

std::string_view HistoryRecorder::Keep(std::string_view bytes) {
  if (bytes.empty()) return {};
  if (bytes.size() > kBlockBytes) {
    // A block of its own, behind which the next one begins.
    blocks_.push_back(std::make_unique<char[]>(bytes.size()));
    block_left_ = 0;
    std::memcpy(blocks_.back().get(), bytes.data(), bytes.size());
    return {blocks_.back().get(), bytes.size()};
  }
  if (bytes.size() > block_left_) {
    blocks_.push_back(std::make_unique<char[]>(kBlockBytes));
    block_left_ = kBlockBytes;
  }
  char* const place = blocks_.back().get() + (kBlockBytes - block_left_);
  std::memcpy(place, bytes.data(), bytes.size());
  block_left_ -= bytes.size();
  return {place, bytes.size()};
}

void HistoryRecorder::Add(const HistoryEvent& event) {
  HistoryEvent& copy = events_.emplace_back(event);
  copy.idempotency_key = Keep(event.idempotency_key);
  copy.request = Keep(event.request);
  copy.response = Keep(event.response);
  if (event.error != nullptr) {
    copy.error = &errors_.emplace_back(*event.error);
  }
}

void HistoryRecorder::Clear() {
  events_.clear();
  errors_.clear();
  blocks_.clear();
  block_left_ = 0;
}

History::History(size_t threads) {
  for (size_t i = 0; i < threads; ++i) {
    recorders_.push_back(std::make_unique<HistoryRecorder>());
  }
}

size_t History::size() const {
  size_t sum = 0;
  for (const auto& recorder : recorders_) sum += recorder->events().size();
  return sum;
}

std::vector<const HistoryEvent*> History::Sorted() const {
  // Of two that began at once, the one that was recorded first comes first.
  struct Entry {
    int64_t start;
    size_t index;
    const HistoryEvent* event;
  };
  std::vector<Entry> entries;
  entries.reserve(size());
  for (const auto& recorder : recorders_) {
    for (const HistoryEvent& event : recorder->events()) {
      entries.push_back({event.start, entries.size(), &event});
    }
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return a.start != b.start ? a.start < b.start : a.index < b.index;
  });
  std::vector<const HistoryEvent*> sorted;
  sorted.reserve(entries.size());
  for (const Entry& entry : entries) sorted.push_back(entry.event);
  return sorted;
}

void History::Clear() {
  for (const auto& recorder : recorders_) recorder->Clear();
}

}  // namespace latchkey::verify
