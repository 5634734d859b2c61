// The header blocks of a connection's calls, by nghttp2's HPACK, which is asked
// only where a block is new: RequestEncoder makes those of requests, and
// AnswerDecoder reads those of answers.
//
// Thread safety: an instance belongs to one thread.

#ifndef LATCHKEY_CLIENT_LOAD_HEADER_CODEC_H_
#define LATCHKEY_CLIENT_LOAD_HEADER_CODEC_H_

#include <nghttp2/nghttp2.h>

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "client/load/native_call.h"
#include "client/verify/method.h"
#include "proto/wire/header_blocks.h"

namespace latchkey::load {

// What every call says.
struct SessionOptions {
  std::string authority;
  bool tls = false;
  // The bearer token; empty: none.
  std::string token;
  Nanos timeout = kNanosPerSecond;
};

class RequestEncoder {
 public:
  explicit RequestEncoder(const SessionOptions& options);

  // The headers of `call`, for the next frame to be sent; lives until the next
  // call of a method of this object.
  std::string_view Encode(const NativeCall& call);

  // The server keeps a table of at most so many bytes.
  void SetTableBytesMax(size_t bytes);

 private:
  struct Free {
    void operator()(nghttp2_hd_deflater* it) const {
      nghttp2_hd_deflate_del(it);
    }
  };

  void EncodeAnew(const NativeCall& call, std::string* block);

  // Constant after construction.
  const std::string authority_;
  const char* const scheme_;
  const std::string timeout_;
  // Empty: none.
  const std::string authorization_;

  std::unique_ptr<nghttp2_hd_deflater, Free> deflater_;
  // By method; empty where it has to be encoded anew.
  std::array<std::string, verify::kMethods> known_;
  std::string unknown_;
};

class AnswerDecoder {
 public:
  AnswerDecoder();

  // What `block` says; lives until the next call of it.  nullptr where it is
  // not HPACK.  Each block has to be shown, in the order they came.
  const AnswerHeaders* Decode(std::string_view block);

 private:
  struct Free {
    void operator()(nghttp2_hd_inflater* it) const {
      nghttp2_hd_inflate_del(it);
    }
  };

  bool DecodeAnew(std::string_view block);

  std::unique_ptr<nghttp2_hd_inflater, Free> inflater_;
  wire::HeaderBlocks<AnswerHeaders> known_;
  AnswerHeaders unknown_;
};

}  // namespace latchkey::load

#endif  // LATCHKEY_CLIENT_LOAD_HEADER_CODEC_H_
