#include "server/store/key_index.h"

namespace latchkey {

void KeyIndex::Erase(uint64_t hash, uint32_t place) {
  Link* before = nullptr;
  Link* link = &heads_[BucketOf(hash)];
  while (PlaceOf(*link) != place) {
    before = link;
    link = &next_[PlaceOf(*link)];
  }
  if ((*link & kMore) != 0) {
    *link = next_[place];
  } else {
    *link = kNoLink;
    if (before != nullptr) *before &= ~kMore;
  }
  --size_;
}

void KeyIndex::Reserve(size_t places) {
  next_.Reserve(places);
  heads_.Reserve(BucketsFor(places));
  if (buckets_ != 0) return;
  buckets_ = kBucketsMin;
  mask_ = 2 * kBucketsMin - 1;
}

size_t KeyIndex::BytesOf(size_t places) {
  using Links = ChunkedArray<Link>;
  return Links::BytesOf(places) + Links::BytesOf(BucketsFor(places));
}

size_t KeyIndex::MovedBytes(size_t places) {
  using Links = ChunkedArray<Link>;
  return Links::MovedBytes(places) + Links::MovedBytes(BucketsFor(places));
}

}  // namespace latchkey
