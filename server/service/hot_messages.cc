#include "server/service/hot_messages.h"

#include <bit>
#include <cstring>
#include <memory>

namespace latchkey {
namespace {

// A field's number and wire type, as one byte.
enum WireType : uint8_t { kVarint = 0, kBytes = 2 };
constexpr uint8_t Tag(int number, WireType type) {
  return static_cast<uint8_t>(number << 3 | type);
}

// Reads from the front of a message.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  bool at_end() const { return bytes_.empty(); }

  // REQUIRES: !at_end().
  uint8_t TakeByte() {
    const auto byte = static_cast<uint8_t>(bytes_.front());
    bytes_.remove_prefix(1);
    return byte;
  }

  bool TakeVarint(uint64_t* value) {
    *value = 0;
    for (int shift = 0; shift < 64 && !at_end(); shift += 7) {
      const uint8_t byte = TakeByte();
      *value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      // The tenth byte has one bit left to say.
      if (byte < 0x80) return shift < 63 || byte <= 1;
    }
    return false;
  }

  bool TakeBytes(std::string_view* value) {
    uint64_t size = 0;
    if (!TakeVarint(&size) || size > bytes_.size()) return false;
    *value = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return true;
  }

 private:
  std::string_view bytes_;
};

// Notes that the field of `tag` comes.  Returns false the second time.
bool Once(uint8_t tag, uint32_t* seen) {
  const uint32_t bit = uint32_t{1} << (tag >> 3);
  if ((*seen & bit) != 0) return false;
  *seen |= bit;
  return true;
}

// An Expiration that is a ttl.
bool ReadTtl(std::string_view expiration, Expiration* out) {
  Reader outer(expiration);
  std::string_view duration;
  if (outer.at_end() || outer.TakeByte() != Tag(1, kBytes) ||
      !outer.TakeBytes(&duration) || !outer.at_end()) {
    return false;
  }
  Reader reader(duration);
  uint64_t seconds = 0;
  uint64_t nanos = 0;
  uint32_t seen = 0;
  while (!reader.at_end()) {
    const uint8_t tag = reader.TakeByte();
    if (!Once(tag, &seen)) return false;
    if (tag == Tag(1, kVarint)) {
      if (!reader.TakeVarint(&seconds)) return false;
    } else if (tag != Tag(2, kVarint) || !reader.TakeVarint(&nanos)) {
      return false;
    }
  }
  // Negative ones are huge here.
  if (seconds > static_cast<uint64_t>(kExpirationMax / kNanosPerSecond) ||
      nanos >= static_cast<uint64_t>(kNanosPerSecond)) {
    return false;
  }
  const Nanos ttl =
      static_cast<Nanos>(seconds) * kNanosPerSecond + static_cast<Nanos>(nanos);
  *out = {.kind = Expiration::Kind::kTtl, .ttl = ttl};
  return ttl > 0 && ttl <= kExpirationMax;
}

bool IsKey(std::string_view key, const ServiceOptions& options) {
  return !key.empty() && key.size() <= options.key_bytes_max;
}

size_t VarintBytes(uint64_t value) {
  // As (bits + 6) / 7, for up to 64, without the division.
  return (static_cast<size_t>(std::bit_width(value | 1)) * 9 + 64) / 64;
}

char* WriteVarint(uint64_t value, char* out) {
  while (value >= 0x80) {
    *out++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *out++ = static_cast<char>(value);
  return out;
}

// A field of a number is left out where it is 0.
size_t NumberBytes(uint64_t value) {
  return value == 0 ? 0 : 1 + VarintBytes(value);
}

char* WriteNumber(int number, uint64_t value, char* out) {
  if (value == 0) return out;
  *out++ = static_cast<char>(Tag(number, kVarint));
  return WriteVarint(value, out);
}

// The tag and the size before bytes and messages.
size_t PrefixBytes(size_t size) { return 1 + VarintBytes(size); }

char* WritePrefix(int number, size_t size, char* out) {
  *out++ = static_cast<char>(Tag(number, kBytes));
  return WriteVarint(size, out);
}

// REQUIRES: !bytes.empty().
char* WriteBytes(int number, std::string_view bytes, char* out) {
  out = WritePrefix(number, bytes.size(), out);
  std::memcpy(out, bytes.data(), bytes.size());
  return out + bytes.size();
}

// A Timestamp, which kNever has none of.
struct Time {
  explicit Time(UnixNanos time)
      : seconds(time / kNanosPerSecond), nanos(time % kNanosPerSecond) {
    if (nanos < 0) {
      --seconds;
      nanos += kNanosPerSecond;
    }
    bytes = NumberBytes(static_cast<uint64_t>(seconds)) +
            NumberBytes(static_cast<uint64_t>(nanos));
  }

  int64_t seconds;
  int64_t nanos;
  size_t bytes;
};

size_t TimeFieldBytes(UnixNanos time) {
  if (time == kNever) return 0;
  const size_t bytes = Time(time).bytes;
  return PrefixBytes(bytes) + bytes;
}

char* WriteTimeField(int number, UnixNanos at, char* out) {
  if (at == kNever) return out;
  const Time time(at);
  out = WritePrefix(number, time.bytes, out);
  out = WriteNumber(1, static_cast<uint64_t>(time.seconds), out);
  return WriteNumber(2, static_cast<uint64_t>(time.nanos), out);
}

// An Entry.
size_t EntryBytes(const EntryView& view) {
  const Entry& entry = *view.entry;
  const size_t key = entry.key().size();
  const size_t value = entry.value().size();
  return PrefixBytes(key) + key +
         (value == 0 ? 0 : PrefixBytes(value) + value) +
         NumberBytes(entry.version()) + TimeFieldBytes(view.expire_time) +
         NumberBytes(entry.flags());
}

// What of it follows the value.
char* WriteAfterValue(const EntryView& view, char* out) {
  out = WriteNumber(3, view.entry->version(), out);
  out = WriteTimeField(4, view.expire_time, out);
  return WriteNumber(5, view.entry->flags(), out);
}

char* WriteEntry(const EntryView& view, char* out) {
  const Entry& entry = *view.entry;
  out = WriteBytes(1, entry.key(), out);
  if (!entry.value().empty()) out = WriteBytes(2, entry.value(), out);
  return WriteAfterValue(view, out);
}

// Of the entry of a GetResponse; 0 without one.
size_t GetEntryBytes(const GetResult& result) {
  return result.found.entry ? EntryBytes(result.found) : 0;
}

// A GetResponse.
size_t GetBytes(const GetResult& result, size_t entry_bytes) {
  const size_t not_modified = result.not_modified ? 2 : 0;
  if (entry_bytes == 0) return not_modified;
  return PrefixBytes(entry_bytes) + entry_bytes + not_modified;
}

char* WriteGet(const GetResult& result, size_t entry_bytes, char* out) {
  if (entry_bytes != 0) {
    out = WritePrefix(1, entry_bytes, out);
    out = WriteEntry(result.found, out);
  }
  return WriteNumber(2, result.not_modified ? 1 : 0, out);
}

}  // namespace

bool ReadHotGet(std::string_view request, const ServiceOptions& options,
                GetOperation* get) {
  Reader reader(request);
  uint32_t seen = 0;
  while (!reader.at_end()) {
    const uint8_t tag = reader.TakeByte();
    bool ok = false;
    switch (tag) {
      case Tag(1, kBytes):
        ok = reader.TakeBytes(&get->key);
        break;
      case Tag(2, kVarint):
        ok = reader.TakeVarint(&get->if_version_not);
        break;
      default:
        return false;
    }
    if (!ok || !Once(tag, &seen)) return false;
  }
  return IsKey(get->key, options);
}

bool ReadHotPut(std::string_view request, const ServiceOptions& options,
                PutOperation* put) {
  Reader reader(request);
  uint32_t seen = 0;
  while (!reader.at_end()) {
    const uint8_t tag = reader.TakeByte();
    bool ok = false;
    switch (tag) {
      case Tag(1, kBytes):
        ok = reader.TakeBytes(&put->key);
        break;
      case Tag(2, kBytes):
        ok = reader.TakeBytes(&put->value);
        break;
      case Tag(3, kBytes): {
        std::string_view expiration;
        ok = reader.TakeBytes(&expiration) &&
             ReadTtl(expiration, &put->expiration);
        break;
      }
      case Tag(5, kVarint): {
        uint64_t flags = 0;
        ok = reader.TakeVarint(&flags) && flags <= UINT32_MAX;
        put->flags = static_cast<uint32_t>(flags);
        break;
      }
      default:
        return false;
    }
    if (!ok || !Once(tag, &seen)) return false;
  }
  return IsKey(put->key, options) &&
         put->value.size() <= options.value_bytes_max;
}

bool ReadHotBatchGet(std::string_view request, const ServiceOptions& options,
                     std::vector<std::string_view>* keys) {
  Reader reader(request);
  while (!reader.at_end()) {
    std::string_view key;
    if (reader.TakeByte() != Tag(1, kBytes) || !reader.TakeBytes(&key) ||
        !IsKey(key, options) || keys->size() >= options.batch_get_keys_max) {
      return false;
    }
    keys->push_back(key);
  }
  return !keys->empty();
}

HotGetReply::HotGetReply(const GetResult& result)
    : result_(result),
      entry_bytes_(GetEntryBytes(result)),
      size_(GetBytes(result, entry_bytes_)) {}

void HotGetReply::WriteTo(char* out) const {
  WriteGet(result_, entry_bytes_, out);
}

bool IsLarge(const GetResult& result) {
  return result.found.entry &&
         result.found.entry->value().size() >= kLargeValueBytesMin;
}

LargeReply LargeGetReply(const GetResult& result) {
  const EntryView& view = result.found;
  const std::string_view key = view.entry->key();
  const std::string_view value = view.entry->value();
  const size_t entry_bytes = EntryBytes(view);
  LargeReply reply;
  reply.bytes = value;
  reply.owner = std::make_shared<const EntryRef>(view.entry);
  const size_t key_bytes = PrefixBytes(key.size()) + key.size();
  const size_t value_prefix_bytes = PrefixBytes(value.size());
  reply.head.resize(PrefixBytes(entry_bytes) + key_bytes + value_prefix_bytes);
  char* out = WritePrefix(1, entry_bytes, reply.head.data());
  WritePrefix(2, value.size(), WriteBytes(1, key, out));
  // A value that is there was modified.
  reply.tail.resize(entry_bytes - key_bytes - value_prefix_bytes -
                    value.size());
  WriteAfterValue(view, reply.tail.data());
  return reply;
}

HotPutReply::HotPutReply(uint64_t version, UnixNanos expire_time)
    : version_(version),
      expire_time_(expire_time),
      size_(NumberBytes(version) + TimeFieldBytes(expire_time)) {}

void HotPutReply::WriteTo(char* out) const {
  out = WriteNumber(1, version_, out);
  WriteTimeField(2, expire_time_, out);
}

HotBatchGetReply::HotBatchGetReply(const BatchGetResult& result)
    : result_(result), size_(NumberBytes(result.snapshot_version)) {
  entry_bytes_.reserve(result.results.size());
  for (const GetResult& each : result.results) {
    entry_bytes_.push_back(GetEntryBytes(each));
    const size_t bytes = GetBytes(each, entry_bytes_.back());
    size_ += PrefixBytes(bytes) + bytes;
  }
}

void HotBatchGetReply::WriteTo(char* out) const {
  for (size_t i = 0; i < entry_bytes_.size(); ++i) {
    const GetResult& each = result_.results[i];
    out = WritePrefix(1, GetBytes(each, entry_bytes_[i]), out);
    out = WriteGet(each, entry_bytes_[i], out);
  }
  WriteNumber(2, result_.snapshot_version, out);
}

}  // namespace latchkey
