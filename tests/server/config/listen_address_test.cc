#include "server/config/listen_address.h"

#include <gtest/gtest.h>

#include <string>

namespace latchkey {
namespace {

TEST(ListenAddressTest, ReadsHostAndPortAndWritesThemBack) {
  struct Row {
    const char* text;
    const char* host;
    int port;
  };
  for (const Row& row : {
           Row{"127.0.0.1:7411", "127.0.0.1", 7411},
           Row{"0.0.0.0:0", "0.0.0.0", 0},
           Row{"localhost:65535", "localhost", 65'535},
           Row{"cache-1.example.com:80", "cache-1.example.com", 80},
           Row{"[::1]:7411", "::1", 7411},
           Row{"[::]:1", "::", 1},
           Row{"[fe80::1:2]:443", "fe80::1:2", 443},
       }) {
    const absl::StatusOr<ListenAddress> address = ParseListenAddress(row.text);
    ASSERT_TRUE(address.ok()) << row.text << ": " << address.status();
    EXPECT_EQ(address->host, row.host) << row.text;
    EXPECT_EQ(address->port, row.port) << row.text;
    EXPECT_EQ(FormatListenAddress(*address), row.text);
  }
}

TEST(ListenAddressTest, RefusesWhatIsNoAddress) {
  for (const std::string& text : {
           std::string(),
           std::string(":"),
           std::string(":7411"),
           std::string("7411"),
           std::string("127.0.0.1"),
           std::string("127.0.0.1:"),
           std::string("127.0.0.1:x"),
           std::string("127.0.0.1:7x"),
           std::string("127.0.0.1:-1"),
           std::string("127.0.0.1:+1"),
           std::string("127.0.0.1: 1"),
           std::string("127.0.0.1:65536"),
           std::string("127.0.0.1:99999999999999999999"),
           std::string("::1:7411"),
           std::string("[::1:7411"),
           std::string("[]:7411"),
           std::string("[127.0.0.1]:7411"),
           std::string("[::g]:7411"),
           std::string("a b:7411"),
           std::string("a\"b:7411"),
           std::string("unix:/tmp/socket:1"),
           std::string(254, 'a') + ":1",
       }) {
    EXPECT_EQ(ParseListenAddress(text).status().code(),
              absl::StatusCode::kInvalidArgument)
        << text;
  }
}

TEST(ListenAddressTest, KnowsWhatOnlyThisMachineReaches) {
  for (const char* host :
       {"127.0.0.1", "127.255.0.9", "::1", "localhost", "LocalHost"}) {
    EXPECT_TRUE(IsLoopback(host)) << host;
  }
  for (const char* host : {"0.0.0.0", "::", "128.0.0.1", "10.0.0.1", "::2",
                           "example.com", "localhost.example.com", ""}) {
    EXPECT_FALSE(IsLoopback(host)) << host;
  }
}

}  // namespace
}  // namespace latchkey
