#include "server/transport/native/gzip.h"

#include <zlib.h>

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace latchkey {
namespace {

// Of zlib: the largest window, and gzip's header and trailer around the data.
constexpr int kWindowBits = 15 + 16;

constexpr size_t kStepBytes = 16 * 1024;

// Ends a stream of zlib with the scope.
class Inflater {
 public:
  Inflater() { ready_ = inflateInit2(&stream_, kWindowBits) == Z_OK; }
  ~Inflater() {
    if (ready_) inflateEnd(&stream_);
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  bool ready() const { return ready_; }
  z_stream& stream() { return stream_; }

 private:
  z_stream stream_ = {};
  bool ready_ = false;
};

}  // namespace

absl::Status InflateGzip(std::string_view compressed, size_t bytes_max,
                         std::string* inflated) {
  Inflater inflater;
  if (!inflater.ready()) return absl::InternalError("zlib has no memory");
  z_stream& stream = inflater.stream();
  // zlib does not write to its input.
  stream.next_in =
      reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data()));
  stream.avail_in = static_cast<uInt>(compressed.size());
  inflated->clear();
  int result = Z_OK;
  while (result == Z_OK) {
    const size_t size = inflated->size();
    // One byte more than allowed, to see that there is more.
    const size_t step = std::min(kStepBytes, bytes_max + 1 - size);
    inflated->resize(size + step);
    stream.next_out = reinterpret_cast<Bytef*>(inflated->data() + size);
    stream.avail_out = static_cast<uInt>(step);
    result = inflate(&stream, Z_NO_FLUSH);
    inflated->resize(size + step - stream.avail_out);
    if (inflated->size() > bytes_max) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "the message is more than ", bytes_max, " bytes when inflated"));
    }
  }
  if (result != Z_STREAM_END || stream.avail_in != 0) {
    return absl::InternalError("the message is no gzip stream");
  }
  return absl::OkStatus();
}

std::string DeflateGzip(std::string_view bytes) {
  // The thread has other calls to serve: the fastest level.
  constexpr int kLevel = Z_BEST_SPEED;
  constexpr int kMemoryLevel = 8;
  z_stream stream = {};
  if (deflateInit2(&stream, kLevel, Z_DEFLATED, kWindowBits, kMemoryLevel,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    return {};
  }
  std::string deflated(deflateBound(&stream, bytes.size()), '\0');
  // zlib does not write to its input.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(deflated.data());
  stream.avail_out = static_cast<uInt>(deflated.size());
  const bool done = deflate(&stream, Z_FINISH) == Z_STREAM_END;
  deflated.resize(done ? deflated.size() - stream.avail_out : 0);
  deflateEnd(&stream);
  return deflated;
}

}  // namespace latchkey
