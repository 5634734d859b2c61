#include "tests/attacks/scripts.h"

#include <zlib.h>

#include <cstdint>
#include <string_view>
#include <utility>

#include "tests/attacks/client_socket.h"
#include "tests/attacks/http2_bytes.h"
#include "tests/support/tls_records.h"

namespace latchkey {
namespace {

constexpr std::string_view kGet = "/latchkey.v1.Cache/Get";
constexpr std::string_view kPut = "/latchkey.v1.Cache/Put";

// What is made at a time, so that a script costs less than its sending.
constexpr size_t kBurstBytes = 64 * 1024;

constexpr size_t kMebibyte = 1024 * 1024;

std::string Shake(std::string_view settings = {}) {
  return std::string(kPreface) + Frame(kSettingsFrame, 0, 0, settings) +
         Frame(kSettingsFrame, kAck, 0);
}

Script::Bytes Opening(std::string bytes) {
  return [bytes = std::move(bytes)](FloodState&) { return bytes; };
}

// The same bytes for ever.
Script::Bytes Again(const std::string& frames) {
  std::string burst;
  while (burst.size() < kBurstBytes) burst += frames;
  return Opening(std::move(burst));
}

// What `make` makes of one new stream after the other.
template <typename Make>
Script::Bytes Streams(Make make, size_t burst_bytes = kBurstBytes) {
  return [make, burst_bytes](FloodState& state) {
    std::string out;
    while (out.size() < burst_bytes) {
      out += make(state.stream);
      state.stream += 2;
    }
    return out;
  };
}

std::string OpenCall(uint32_t stream, std::string_view path,
                     std::string_view more = {}) {
  return Frame(kHeadersFrame, kEndHeaders, stream,
               CallBlock(path).append(more));
}

std::string WholeCall(uint32_t stream, std::string_view path,
                      std::string_view message, std::string_view more = {}) {
  return OpenCall(stream, path, more) + Data(stream, message);
}

std::string GetOf(std::string_view key) {
  return std::string("\x0a") + static_cast<char>(key.size()) + std::string(key);
}

// A Put of 1 MiB under the key "big".
std::string BigPut(uint32_t stream) {
  // The value's length is 1 MiB, as a varint.
  std::string request = GetOf("big") + std::string("\x12\x80\x80\x40");
  request.append(kMebibyte, 'b');
  return WholeCall(stream, kPut, Message(request));
}

std::string Gzip(std::string_view bytes) {
  z_stream stream = {};
  deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 9,
               Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  return out;
}

void AddConnectionAttacks(std::vector<Attack>* all) {
  all->push_back({.name = "connects",
                  .script = {.connections = 4'000, .opening = Opening("")}});
  all->push_back({.name = "no-descriptors",
                  .script = {.connections = 400, .opening = Opening(Shake())},
                  .few_descriptors = true});
  all->push_back({.name = "slow-handshakes",
                  .script = {.connections = 900, .tick = Opening("P")}});
}

void AddStreamAttacks(std::vector<Attack>* all) {
  const std::string cancel = BigEndian(8, 4);
  all->push_back({.name = "rapid-reset",
                  .script = {.opening = Opening(Shake()),
                             .more = Streams([cancel](uint32_t stream) {
                               return OpenCall(stream, kGet) +
                                      Frame(kRstStreamFrame, 0, stream, cancel);
                             })}});
  all->push_back(
      {.name = "rapid-reset-small",
       // With the block in HPACK's table a stream takes 28 bytes.
       .script = {.opening =
                      [](FloodState& state) {
                        state.stream = 3;
                        return Shake() +
                               Frame(kHeadersFrame, kEndHeaders, 1,
                                     KeptHeader(":method", "POST") +
                                         KeptHeader(":scheme", "http") +
                                         KeptHeader(":path", kGet) +
                                         KeptHeader("te", "trailers") +
                                         KeptHeader("content-type",
                                                    "application/grpc")) +
                               Data(1, Message(GetOf("k")));
                      },
                  .more = Streams([cancel](uint32_t stream) {
                    return Frame(kHeadersFrame, kEndHeaders, stream,
                                 "\xc2\xc1\xc0\xbf\xbe") +
                           Frame(kRstStreamFrame, 0, stream, cancel);
                  })}});
  all->push_back({.name = "reset-whole-calls",
                  .script = {.opening = Opening(Shake()),
                             .more = Streams([cancel](uint32_t stream) {
                               return WholeCall(stream, kGet,
                                                Message(GetOf("k"))) +
                                      Frame(kRstStreamFrame, 0, stream, cancel);
                             })}});
  all->push_back({.name = "settings-never-acknowledged",
                  // And the limit on streams that they say never kept.
                  .script = {.opening = Opening(std::string(kPreface) +
                                                Frame(kSettingsFrame, 0, 0)),
                             .more = Streams([](uint32_t stream) {
                               return OpenCall(stream, kGet);
                             })}});
}

void AddHeaderAttacks(std::vector<Attack>* all) {
  const std::string begun = Frame(kHeadersFrame, 0, 1, CallBlock(kGet));
  all->push_back(
      {.name = "continuation",
       .script = {.opening = Opening(Shake() + begun),
                  .more = Again(Frame(kContinuationFrame, 0, 1,
                                      Header("x", std::string(8'000, 'y'))))}});
  all->push_back({.name = "continuation-empty",
                  .script = {.opening = Opening(Shake() + begun),
                             .more = Again(Frame(kContinuationFrame, 0, 1))}});
  all->push_back({.name = "hpack-table",
                  .script = {.opening = Opening(Shake()),
                             .more = Streams([](uint32_t stream) {
                               // The table's size: 0, then 4,096 again.
                               std::string block("\x20\x3f\xe1\x1f");
                               block += CallBlock(kGet);
                               for (int i = 0; i < 100; ++i)
                                 block += KeptHeader("x", "y");
                               return Frame(kHeadersFrame, kEndHeaders, stream,
                                            block) +
                                      Data(stream, Message(GetOf("k")));
                             })}});
  all->push_back(
      {.name = "hpack-bomb",
       // A byte of the later blocks stands for 4,000.
       .script = {
           .opening =
               [](FloodState& state) {
                 state.stream = 3;
                 return Shake() +
                        Frame(kHeadersFrame, kEndHeaders, 1,
                              CallBlock(kGet) +
                                  KeptHeader("x", std::string(4'000, 'y'))) +
                        Data(1, Message(GetOf("k")));
               },
           .more = Streams([](uint32_t stream) {
             return Frame(kHeadersFrame, kEndHeaders, stream,
                          CallBlock(kGet) + std::string(16'000, '\xbe')) +
                    Data(stream, Message(GetOf("k")));
           })}});
  all->push_back({.name = "slow-headers",
                  .script = {.connections = 900,
                             .opening = Opening(Shake() + begun),
                             .tick = Opening(Frame(kContinuationFrame, 0, 1,
                                                   Header("x", "y")))}});
}

void AddFrameFloods(std::vector<Attack>* all) {
  const auto add = [&](std::string name, const std::string& frames,
                       const std::string& before = {}) {
    all->push_back({.name = std::move(name),
                    .script = {.opening = Opening(Shake() + before),
                               .more = Again(frames)}});
  };
  add("ping", Frame(kPingFrame, 0, 0, "12345678"));
  add("settings",
      Frame(kSettingsFrame, 0, 0, Setting(kInitialWindowSize, 1)) +
          Frame(kSettingsFrame, 0, 0, Setting(kInitialWindowSize, 65'535)));
  add("priority", Frame(kPriorityFrame, 0, 3, BigEndian(0, 5)));
  add("unknown-frames", Frame(kUnknownFrame, 0, 0));
  const std::string open = OpenCall(1, kPut);
  add("empty-data", Frame(kDataFrame, 0, 1), open);
  add("window-update", WindowUpdate(1, 1) + WindowUpdate(0, 1), open);
  all->push_back({.name = "ping-unread",
                  .script = {.opening = Opening(Shake()),
                             .more = Again(Frame(kPingFrame, 0, 0, "12345678")),
                             .reads = false}});
}

void AddBodyAttacks(std::vector<Attack>* all) {
  all->push_back(
      {.name = "slow-body",
       // As many calls as there may be, each with a part of its message.
       .script = {
           .connections = 128,
           .opening =
               [](FloodState& state) {
                 std::string out = Shake();
                 for (; state.stream < 2 * 1'000; state.stream += 2) {
                   out +=
                       OpenCall(state.stream, kPut) +
                       Frame(kDataFrame, 0, state.stream,
                             Message(std::string(100, '\x0a')).substr(0, 50));
                 }
                 return out;
               },
           .tick = Opening(Frame(kDataFrame, 0, 1, "\x0a"))}});
  all->push_back(
      {.name = "slow-large-body",
       // All but the last byte of a message.
       .script = {.connections = 500, .opening = [](FloodState&) {
                    std::string out = Shake() + OpenCall(1, kPut);
                    const std::string body =
                        Message(std::string(kMebibyte, 'x'));
                    for (size_t at = 0; at < kMebibyte; at += 16'384) {
                      out += Frame(kDataFrame, 0, 1, body.substr(at, 16'384));
                    }
                    return out;
                  }}});
  all->push_back({.name = "length-of-2-gib",
                  .script = {.opening = Opening(Shake()),
                             .more = Streams([](uint32_t stream) {
                               return OpenCall(stream, kPut) +
                                      Frame(
                                          kDataFrame, 0, stream,
                                          std::string("\0\x7f\xff\xff\xff", 5) +
                                              std::string(100, 'x'));
                             })}});
  const std::string nested =
      Message(std::string(10'000, '\x0b') + std::string(10'000, '\x0c'));
  all->push_back({.name = "nesting",
                  .script = {.opening = Opening(Shake()),
                             .more = Streams([nested](uint32_t stream) {
                               return WholeCall(stream, kPut, nested);
                             })}});
  const std::string bomb = Message(Gzip(std::string(4 * kMebibyte, '\0')), 1);
  all->push_back({.name = "gzip-bomb",
                  .script = {.opening = Opening(Shake()),
                             .more = Streams([bomb](uint32_t stream) {
                               return WholeCall(
                                   stream, kPut, bomb,
                                   Header("grpc-encoding", "gzip"));
                             })}});
}

void AddReaders(std::vector<Attack>* all) {
  const std::string wide =
      Shake(Setting(kInitialWindowSize, 0x7fffffff)) + WindowUpdate(0, 1 << 30);
  const std::string request = Message(GetOf("big"));
  const Script::Bytes asks = Streams(
      [request](uint32_t stream) { return WholeCall(stream, kGet, request); },
      1'024);
  const auto opening = [](std::string shake) {
    return [shake = std::move(shake)](FloodState& state) {
      state.stream = 3;
      return shake + BigPut(1);
    };
  };
  all->push_back(
      {.name = "never-reads",
       .script = {.opening = opening(wide), .more = asks, .reads = false}});
  // Made once: 900 connections are a lot to make it for.
  std::string big_and_gets = wide + BigPut(1);
  for (uint32_t stream = 3; stream <= 9; stream += 2) {
    big_and_gets += WholeCall(stream, kGet, request);
  }
  all->push_back({.name = "many-never-read",
                  .script = {.connections = 900,
                             .opening = Opening(std::move(big_and_gets)),
                             .reads = false}});
  all->push_back(
      {.name = "reads-byte-by-byte",
       .script = {.opening =
                      [request](FloodState& state) {
                        std::string out =
                            Shake(Setting(kInitialWindowSize, 0)) + BigPut(1);
                        for (state.stream = 3; state.stream < 103;
                             state.stream += 2) {
                          out += WholeCall(state.stream, kGet, request);
                        }
                        state.stream = 3;
                        return out;
                      },
                  .more =
                      [](FloodState&) {
                        std::string out;
                        for (uint32_t stream = 3; stream < 103; stream += 2) {
                          out += WindowUpdate(stream, 1);
                        }
                        return out;
                      }}});
}

void AddTlsAttacks(std::vector<Attack>* all) {
  SSL_CTX* const tls13 = NewClientTls(0);
  SSL_CTX* const tls12 = NewClientTls(TLS1_2_VERSION);
  all->push_back({.name = "tls-handshakes",
                  .script = {.connections = 64,
                             .opening = Opening(Shake()),
                             .hangs_up = true,
                             .tls = tls13},
                  .tls = true});
  // The first flight of a client, which costs it nothing to send again.
  SSL* const ssl = SSL_new(tls13);
  BIO* const sent = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl, BIO_new(BIO_s_mem()), sent);
  SSL_set_connect_state(ssl);
  SSL_do_handshake(ssl);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(sent, &bytes);
  const std::string hello(bytes, static_cast<size_t>(size));
  SSL_free(ssl);
  all->push_back({.name = "tls-half-handshakes",
                  .script = {.connections = 64,
                             .opening = Opening(hello),
                             .hangs_up = true},
                  .tls = true});
  all->push_back(
      {.name = "tls-stalled-handshakes",
       .script = {.connections = 900, .opening = Opening(hello.substr(0, 100))},
       .tls = true});
  // 50 bytes of it in a record, and not all others in the next.
  std::string in_two_records = InTwoRecords(hello, 50);
  in_two_records.pop_back();
  all->push_back(
      {.name = "tls-stalled-second-records",
       .script = {.connections = 900, .opening = Opening(in_two_records)},
       .tls = true});
  all->push_back({.name = "tls-unanswered-handshakes",
                  .script = {.connections = 900, .opening = Opening(hello)},
                  .tls = true});
  const auto after_handshake = [](int (*step)(SSL*)) {
    return [step](FloodState& state) -> std::string {
      if (SSL_is_init_finished(state.ssl) == 1) step(state.ssl);
      return Frame(kPriorityFrame, 0, 3, BigEndian(0, 5));
    };
  };
  all->push_back({.name = "tls-key-updates",
                  .script = {.opening = Opening(Shake()),
                             .more = after_handshake([](SSL* one) {
                               return SSL_key_update(one,
                                                     SSL_KEY_UPDATE_REQUESTED);
                             }),
                             .tls = tls13},
                  .tls = true});
  all->push_back({.name = "tls-renegotiations",
                  .script = {.opening = Opening(Shake()),
                             .more = after_handshake(SSL_renegotiate),
                             .tls = tls12},
                  .tls = true});
}

}  // namespace

std::vector<Attack> AllAttacks() {
  std::vector<Attack> all;
  AddConnectionAttacks(&all);
  AddStreamAttacks(&all);
  AddHeaderAttacks(&all);
  AddFrameFloods(&all);
  AddBodyAttacks(&all);
  AddReaders(&all);
  AddTlsAttacks(&all);
  return all;
}

}  // namespace latchkey
