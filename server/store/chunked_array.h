// ChunkedArray is an array in chunks of 256 elements.  Only the last of them
// grows, by 64 elements at a time, so that no more than that chunk is moved,
// whatever the size of the array, and a shard has little more room than it was
// asked for: there are 256 shards of five arrays each.
//
// Up to 64 elements it is one that doubles: a shard of a few entries pays for
// few.
//
// Thread safety: that of its user's mutex.
//
// Example:
//   ChunkedArray<uint32_t> times(kNoTime);
//   times.Reserve(1'000);
//   times[999] = 7;   // Each element was kNoTime.

#ifndef LATCHKEY_SERVER_STORE_CHUNKED_ARRAY_H_
#define LATCHKEY_SERVER_STORE_CHUNKED_ARRAY_H_

#include <algorithm>
#include <bit>
#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "server/store/entry.h"

namespace latchkey {

// The elements of a chunk, of every array.
inline constexpr size_t kChunk = 256;

template <typename T>
class ChunkedArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  explicit ChunkedArray(T empty) : empty_(empty) {}

  ChunkedArray(const ChunkedArray&) = delete;
  ChunkedArray& operator=(const ChunkedArray&) = delete;

  // REQUIRES: index < capacity().
  T& operator[](size_t index) {
    return chunks_[index / kChunk][index % kChunk];
  }
  const T& operator[](size_t index) const {
    return chunks_[index / kChunk][index % kChunk];
  }

  size_t capacity() const { return capacity_; }

  // The capacity that Reserve(elements) makes.
  static size_t CapacityFor(size_t elements) {
    if (elements > kStep) return (elements + kStep - 1) / kStep * kStep;
    return elements == 0 ? 0 : std::max(kLeast, std::bit_ceil(elements));
  }

  // What room for `elements` takes in memory, with what the allocator adds.
  static size_t BytesOf(size_t elements) {
    const size_t capacity = CapacityFor(elements);
    const size_t chunks = ChunksOf(capacity);
    return capacity / kChunk * ChunkBytes(kChunk) +
           ChunkBytes(capacity % kChunk) + DirectoryBytes(chunks);
  }

  // What of it is there twice while Reserve() makes more of it.
  static size_t MovedBytes(size_t elements) {
    const size_t capacity = CapacityFor(elements);
    return ChunkBytes(capacity % kChunk) + DirectoryBytes(ChunksOf(capacity));
  }

  // Makes the capacity `CapacityFor(elements)` or leaves it larger.
  void Reserve(size_t elements) {
    const size_t capacity = CapacityFor(elements);
    if (capacity <= capacity_) return;
    const size_t chunks = ChunksOf(capacity);
    chunks_.reserve(DirectorySize(chunks));
    const auto new_chunk = [&](size_t index) {
      return NewChunk(std::min(capacity - index * kChunk, kChunk));
    };
    if (const size_t moved = capacity_ % kChunk; moved != 0) {
      auto last = new_chunk(chunks_.size() - 1);
      std::copy_n(chunks_.back().get(), moved, last.get());
      chunks_.back() = std::move(last);
    }
    while (chunks_.size() < chunks) {
      chunks_.push_back(new_chunk(chunks_.size()));
    }
    capacity_ = capacity;
  }

  // The elements of the chunk that begins at `index`.
  std::span<const T> ChunkAt(size_t index) const {
    return {&(*this)[index], std::min(kChunk, capacity_ - index)};
  }

  void Prefetch(size_t index) const {
    __builtin_prefetch(&(*this)[index], /*rw=*/1);
  }

 private:
  static constexpr size_t kLeast = 16;
  // By how many elements the last chunk grows.
  static constexpr size_t kStep = 64;

  static size_t ChunksOf(size_t capacity) {
    return (capacity + kChunk - 1) / kChunk;
  }

  // The pointers to chunks are moved when their number grows, so it does by
  // more than one.
  static size_t DirectorySize(size_t chunks) {
    constexpr size_t kMore = 8;
    return chunks <= 1 ? chunks : (chunks + kMore - 1) / kMore * kMore;
  }
  static size_t DirectoryBytes(size_t chunks) {
    return Entry::AllocatedBytes(DirectorySize(chunks) * sizeof(T*));
  }
  static size_t ChunkBytes(size_t elements) {
    return Entry::AllocatedBytes(elements * sizeof(T));
  }

  std::unique_ptr<T[]> NewChunk(size_t elements) const {
    auto chunk = std::make_unique_for_overwrite<T[]>(elements);
    std::fill_n(chunk.get(), elements, empty_);
    return chunk;
  }

  const T empty_;
  std::vector<std::unique_ptr<T[]>> chunks_;
  size_t capacity_ = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_CHUNKED_ARRAY_H_
