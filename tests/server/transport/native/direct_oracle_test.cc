// The two ways of a call, compared: the same random bytes go to a server whose
// ordinary calls pass nghttp2 by and to one where all go through it, and every
// call has to end alike.

#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "tests/server/transport/native/native_fixture.h"

namespace latchkey {
namespace {

// What one client sends.
class Script {
 public:
  explicit Script(uint32_t seed) : random_(seed), calmness_(1 + Below(20)) {
    EXPECT_EQ(nghttp2_hd_deflate_new(&deflater_, 4096), 0);
  }
  ~Script() { nghttp2_hd_deflate_del(deflater_); }

  Script(const Script&) = delete;
  Script& operator=(const Script&) = delete;

  // Adds `count` calls, some of them broken, some of them at once.
  void AddCalls(int count) {
    for (int i = 0; i < count; ++i) {
      if (open_.size() > Below(6) || next_stream_ > 2 * count) AdvanceOne();
      Open();
    }
    while (!open_.empty()) AdvanceOne();
  }

  const std::string& bytes() const { return bytes_; }

  // The calls whose ends can be told apart: the client reset no other ones.
  const std::vector<int>& calls() const { return calls_; }

  // In 0 .. bound - 1.
  uint32_t Below(uint32_t bound) {
    return static_cast<uint32_t>(random_() % bound);
  }

 private:
  struct OpenCall {
    int stream;
    // The frames that are still to be sent.
    std::vector<std::string> rest;
  };

  // The block of a call's headers, by HPACK as a good client has it.
  std::string Compress(const HeaderList& headers) {
    // Names whose values are worth a place in the table, for this client.
    std::vector<nghttp2_nv> list;
    for (const auto& [name, value] : headers) {
      const uint8_t flags = name == "x-once" || name == "content-length"
                                ? NGHTTP2_NV_FLAG_NO_INDEX
                                : NGHTTP2_NV_FLAG_NONE;
      list.push_back(
          {reinterpret_cast<uint8_t*>(const_cast<char*>(name.data())),
           reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())),
           name.size(), value.size(), flags});
    }
    std::string block(
        nghttp2_hd_deflate_bound(deflater_, list.data(), list.size()), '\0');
    const ssize_t size = nghttp2_hd_deflate_hd(
        deflater_, reinterpret_cast<uint8_t*>(block.data()), block.size(),
        list.data(), list.size());
    EXPECT_GE(size, 0);
    block.resize(static_cast<size_t>(size));
    return block;
  }

  void Open() {
    const int stream = next_stream_;
    next_stream_ += 2;
    static const char* const kPaths[] = {"Fail", "Metadata", "None"};
    std::string method = Below(3) == 0 ? "Sized" : "Echo";
    if (Rarely(4)) method = kPaths[Below(std::size(kPaths))];
    HeaderList more;
    if (Rarely(6)) more.emplace_back("x-mark", std::to_string(Below(3)));
    if (Rarely(12)) more.emplace_back("x-once", std::to_string(Below(99)));
    if (Rarely(10)) more.emplace_back("grpc-timeout", "60S");
    if (Rarely(30)) more.emplace_back("grpc-encoding", "gzip");
    if (Rarely(40)) more.emplace_back("content-type", "text/plain");
    const uint32_t size = Below(Rarely(3) ? 3'000 : 100);
    std::string value = std::to_string(size);
    if (method == "Metadata") value = "x-mark";
    if (method == "Echo") value = std::string(size, 'e');
    std::string body = Framed(Request(value));
    // Of two errors in one call, time says which is told.
    bool good = method != "None";
    switch (Below(20 * calmness_)) {
      case 0:
        body.clear();
        good = false;
        break;
      case 1:
        body.pop_back();
        good = false;
        break;
      case 2:
        body += "more";
        good = false;
        break;
      case 3:
        body[0] = static_cast<char>(Below(3));
        good = false;
        break;
      default:
        break;
    }
    if (Rarely(2)) {
      more.emplace_back("content-length",
                        std::to_string(body.size() + (good && Rarely(8))));
    }
    const std::string block =
        Compress(CallHeaders("/test.Test/" + method, more));
    // HPACK wants blocks in order, so they are sent at once.
    if (Rarely(8)) {
      const size_t cut = Below(static_cast<uint32_t>(block.size()));
      bytes_ +=
          Frame(NGHTTP2_HEADERS, 0, stream, block.substr(0, cut)) +
          Frame(NGHTTP2_CONTINUATION, kEndHeaders, stream, block.substr(cut));
    } else {
      bytes_ += Frame(NGHTTP2_HEADERS, kEndHeaders, stream, block);
    }
    open_.push_back({stream, BodyFrames(stream, body)});
  }

  std::vector<std::string> BodyFrames(int stream, const std::string& body) {
    std::vector<std::string> frames;
    if (Rarely(6)) frames.push_back(WindowUpdate(stream, 1 + Below(9'999)));
    if (Rarely(30)) {
      frames.push_back(Frame(NGHTTP2_PRIORITY, 0, stream, Number(0, 4) + "w"));
    }
    if (Rarely(25)) {
      // Whether the call comes to its end before is a matter of time.
      frames.push_back(Reset(stream));
      return frames;
    }
    calls_.push_back(stream);
    if (Rarely(5)) {
      const size_t cut = Below(static_cast<uint32_t>(body.size() + 1));
      frames.push_back(Data(stream, body.substr(0, cut), 0));
      frames.push_back(Data(stream, body.substr(cut)));
    } else if (Rarely(5)) {
      frames.push_back(Data(stream, body, 0));
      frames.push_back(Data(stream, ""));
    } else {
      frames.push_back(Data(stream, body));
    }
    // What may come late.
    if (Rarely(10)) frames.push_back(WindowUpdate(stream, 1 + Below(100)));
    return frames;
  }

  // Sends the next frame of any call, or one of the connection.
  void AdvanceOne() {
    if (Below(15) == 0) bytes_ += Ping();
    if (Below(15) == 0) bytes_ += WindowUpdate(0, 1 + Below(10'000));
    if (open_.empty()) return;
    const size_t which = Below(static_cast<uint32_t>(open_.size()));
    OpenCall& call = open_[which];
    bytes_ += call.rest.front();
    call.rest.erase(call.rest.begin());
    if (call.rest.empty()) open_.erase(open_.begin() + which);
  }

  // Once in `times`, and less often in a calm script.
  bool Rarely(uint32_t times) { return Below(times * calmness_) == 0; }

  std::mt19937 random_;
  const uint32_t calmness_;
  nghttp2_hd_deflater* deflater_ = nullptr;
  std::string bytes_;
  std::vector<OpenCall> open_;
  std::vector<int> calls_;
  int next_stream_ = 1;
};

// The other server.
class LongWay : public NativeFixture {
 public:
  LongWay() : NativeFixture({.direct_path = false}) {}

  int port() const { return port_; }
  void End() { TearDown(); }

 private:
  void TestBody() override {}
};

class DirectOracleTest : public NativeFixture {
 protected:
  DirectOracleTest() : NativeFixture({}) {}

  LongWay long_way_;
};

// An answer without what the two ways may do differently.
std::string TextOf(const RawAnswer& answer) {
  std::string text = answer.closed ? "closed " : "";
  if (answer.reset.has_value())
    text += "reset " + std::to_string(*answer.reset);
  for (const auto& [name, value] : answer.headers) {
    text += name + "=" + value + "\n";
  }
  return text + answer.body;
}

TEST_F(DirectOracleTest, BothWaysEndAlike) {
  constexpr int kScripts = 60;
  const uint32_t first_seed = std::random_device{}();
  size_t short_answers = 0;
  for (uint32_t seed = first_seed; seed < first_seed + kScripts; ++seed) {
    SCOPED_TRACE(seed);
    Script script(seed);
    script.AddCalls(60);
    const std::string settings =
        Setting(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,
                script.Below(2) == 0 ? 65'535 : script.Below(1'000));
    RawClient short_way(port_);
    RawClient long_way(long_way_.port());
    short_way.Handshake(settings);
    long_way.Handshake(settings);
    const uint32_t part_max = script.Below(2) == 0 ? 40 : 4'000;
    std::string_view rest = script.bytes();
    while (!rest.empty()) {
      const std::string_view part = rest.substr(0, 1 + script.Below(part_max));
      short_way.Send(part);
      long_way.Send(part);
      rest.remove_prefix(part.size());
    }
    for (const int stream : script.calls()) {
      const RawAnswer answer = short_way.Await(stream);
      short_answers += answer.block.starts_with("\x88\x0f\x10\x10");
      ASSERT_EQ(TextOf(answer), TextOf(long_way.Await(stream))) << stream;
    }
  }
  // Else nothing was compared.
  EXPECT_GT(short_answers, 10u * kScripts);
  long_way_.End();
}

}  // namespace
}  // namespace latchkey
