// The messages of Get, Put and BatchGet by hand, in the forms that almost all
// calls have: to read them through protobuf's generated code costs several
// times what the store does with them.
//
// A reader takes a request that has nothing but the fields of such a form, once
// each and in bounds, and refuses every other one, good or bad: those go
// through the generated code, which is the judge of what is an error.  What a
// writer writes is what the generated code writes, byte for byte;
// hot_messages_test compares both.
//
// Lifetime: what is read refers to the bytes of the request; a writer refers to
// the result.
//
// Thread safety: free functions and values, no shared state.

#ifndef LATCHKEY_SERVER_SERVICE_HOT_MESSAGES_H_
#define LATCHKEY_SERVER_SERVICE_HOT_MESSAGES_H_

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "server/rpc/large_reply.h"
#include "server/service/options.h"
#include "server/store/operations.h"

namespace latchkey {

// Key and if_version_not.
bool ReadHotGet(std::string_view request, const ServiceOptions& options,
                GetOperation* get);

// Key, value, a ttl and flags.
bool ReadHotPut(std::string_view request, const ServiceOptions& options,
                PutOperation* put);

// One key or more, not atomic.  REQUIRES: keys->empty().
bool ReadHotBatchGet(std::string_view request, const ServiceOptions& options,
                     std::vector<std::string_view>* keys);

// The answer of a Get without `touch`, of a Put that does not return the
// previous entry, and of a BatchGet.  See ReplyBody.
class HotGetReply {
 public:
  explicit HotGetReply(const GetResult& result);

  size_t size() const { return size_; }
  void WriteTo(char* out) const;

 private:
  const GetResult& result_;
  size_t entry_bytes_;
  size_t size_;
};

// A value of so many bytes is sent from where the store has it: below that, to
// copy it costs less than what it takes to do so.
inline constexpr size_t kLargeValueBytesMin = 64 * 1024;

// Whether the answer of a Get has such a value; and then the same as
// HotGetReply, with a reference to the entry.
bool IsLarge(const GetResult& result);
LargeReply LargeGetReply(const GetResult& result);

class HotPutReply {
 public:
  HotPutReply(uint64_t version, UnixNanos expire_time);

  size_t size() const { return size_; }
  void WriteTo(char* out) const;

 private:
  const uint64_t version_;
  const UnixNanos expire_time_;
  size_t size_;
};

class HotBatchGetReply {
 public:
  explicit HotBatchGetReply(const BatchGetResult& result);

  size_t size() const { return size_; }
  void WriteTo(char* out) const;

 private:
  const BatchGetResult& result_;
  // Of each result's entry.
  std::vector<size_t> entry_bytes_;
  size_t size_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SERVICE_HOT_MESSAGES_H_
