// KeyIndex finds the place of a key in its shard's EntryOrder, by the key's
// hash: chains of places in linear hashing (Litwin: "Linear hashing: a new tool
// for file and table addressing", VLDB 1980).
//
// It grows by some buckets at a time, whose chains it divides, so that no key
// waits for a table to be made anew, and its memory follows the number of
// entries: some 7 bytes for each.  A word of a chain is a place, 7 bits of the
// key's hash, so that one look in 128 at another key's entry is in vain, and
// whether another follows.
//
// Thread safety: the shard's mutex guards it.

#ifndef LATCHKEY_SERVER_STORE_KEY_INDEX_H_
#define LATCHKEY_SERVER_STORE_KEY_INDEX_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "server/store/chunked_array.h"

namespace latchkey {

class KeyIndex {
 public:
  // No place of an entry, each of which is less.
  static constexpr uint32_t kNoPlace = (1u << 24) - 1;

  KeyIndex() = default;

  KeyIndex(const KeyIndex&) = delete;
  KeyIndex& operator=(const KeyIndex&) = delete;

  // The place whose key has `hash` and of which `is_it` is true, or kNoPlace.
  template <typename IsIt>
  uint32_t Find(uint64_t hash, IsIt is_it) const {
    if (buckets_ == 0) return kNoPlace;
    Link link = heads_[BucketOf(hash)];
    while (PlaceOf(link) != kNoPlace) {
      if (((link ^ LinkTo(0, hash)) & kTag) == 0 && is_it(PlaceOf(link))) break;
      link = (link & kMore) != 0 ? next_[PlaceOf(link)] : kNoLink;
    }
    return PlaceOf(link);
  }

  // Adds a place that is not in the index.  `keys` tells of other places, of
  // which many are asked at once, most of them in no cache:
  //   keys.Prefetch(place)      their keys will be asked for;
  //   keys.PrefetchKey(place)   they will be very soon;
  //   keys.HashOf(place)        the hash of the key.
  //
  // REQUIRES: Reserve() made room for it.
  template <typename Keys>
  void Insert(uint64_t hash, uint32_t place, const Keys& keys) {
    ++size_;
    if (buckets_ < BucketsFor(size_)) DivideSome(keys);
    Link& head = heads_[BucketOf(hash)];
    next_[place] = head;
    head = LinkTo(place, hash) | (PlaceOf(head) != kNoPlace ? kMore : 0);
  }

  // REQUIRES: `place` was inserted with `hash`.
  void Erase(uint64_t hash, uint32_t place);

  // Has the processor fetch what Find() reads first.
  void Prefetch(uint64_t hash) const {
    if (buckets_ != 0) heads_.Prefetch(BucketOf(hash));
  }

  // Allocates for entries at places below `places`, and for no more.
  void Reserve(size_t places);
  static size_t BytesOf(size_t places);
  // What of it is there twice while Reserve() makes it of `places`.
  static size_t MovedBytes(size_t places);

 private:
  // A place in the low 24 bits, over it the tag of its key's hash, and whether
  // there is another in next_.
  using Link = uint32_t;
  static constexpr Link kTag = 127u << 24;
  static constexpr Link kMore = 1u << 31;
  static constexpr Link kNoLink = kNoPlace;
  static constexpr size_t kBucketsMin = 8;

  // How many buckets are divided at once: as many as make what is asked of
  // memory arrive together, in a microsecond or so.
  static constexpr size_t kDivided = 8;

  static uint32_t PlaceOf(Link link) { return link & kNoPlace; }
  // The shard and the bucket are of other bits than the tag.
  static Link LinkTo(uint32_t place, uint64_t hash) {
    return place | (static_cast<uint32_t>(hash >> 40) << 24 & kTag);
  }

  // Two for three entries: a chain is of three in two buckets.
  static size_t BucketsFor(size_t entries) {
    return std::max(kBucketsMin, entries - entries / 3);
  }

  size_t BucketOf(uint64_t hash) const {
    const size_t bucket = static_cast<uint32_t>(hash) & mask_;
    return bucket < buckets_ ? bucket : bucket & (mask_ >> 1);
  }

  size_t NextToDivide() const { return buckets_ & (mask_ >> 1); }

  // Calls `visit` with the places of a chain.
  template <typename Visit>
  void ForEach(Link link, Visit visit) const {
    while (PlaceOf(link) != kNoPlace) {
      visit(PlaceOf(link));
      link = (link & kMore) != 0 ? next_[PlaceOf(link)] : kNoLink;
    }
  }

  template <typename Keys>
  void DivideSome(const Keys& keys) {
    const size_t first = NextToDivide();
    const size_t count =
        std::min({kDivided, heads_.capacity() - buckets_, buckets_ - first});
    for (size_t i = first; i < first + count; ++i) {
      const Link link = heads_[i];
      if (PlaceOf(link) == kNoPlace) continue;
      if ((link & kMore) != 0) next_.Prefetch(PlaceOf(link));
      keys.Prefetch(PlaceOf(link));
    }
    for (size_t i = first; i < first + count; ++i) {
      ForEach(heads_[i], [&](uint32_t place) { keys.Prefetch(place); });
    }
    for (size_t i = first; i < first + count; ++i) {
      ForEach(heads_[i], [&](uint32_t place) { keys.PrefetchKey(place); });
    }
    for (size_t i = 0; i < count; ++i) Divide(keys);
  }

  template <typename Keys>
  void Divide(const Keys& keys) {
    const size_t bucket = NextToDivide();
    const size_t added = buckets_;
    const size_t bit = added - bucket;
    Link stay = kNoLink;
    Link go = kNoLink;
    Link link = heads_[bucket];
    while (PlaceOf(link) != kNoPlace) {
      const uint32_t place = PlaceOf(link);
      Link& head = (keys.HashOf(place) & bit) != 0 ? go : stay;
      const Link next = (link & kMore) != 0 ? next_[place] : kNoLink;
      next_[place] = head;
      head = (link & ~kMore) | (PlaceOf(head) != kNoPlace ? kMore : 0);
      link = next;
    }
    heads_[bucket] = stay;
    heads_[added] = go;
    ++buckets_;
    if (buckets_ > mask_) mask_ = 2 * mask_ + 1;
  }

  // By bucket: the first of its chain.  By place: the next in the chain.
  ChunkedArray<Link> heads_{kNoLink};
  ChunkedArray<Link> next_{kNoLink};
  size_t size_ = 0;
  size_t buckets_ = 0;
  // 2^n - 1, of which all buckets are numbers, and more than a half are there.
  size_t mask_ = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORE_KEY_INDEX_H_
