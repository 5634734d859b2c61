#include "server/transport/native/cors.h"

#include <gtest/gtest.h>

namespace latchkey {
namespace {

TEST(CorsTest, AnOriginIsAllowedAsItStands) {
  const std::vector<std::string> allowed = {"https://a.b", "http://c:1"};
  EXPECT_EQ(AllowedOrigin(allowed, "https://a.b"), "https://a.b");
  EXPECT_EQ(AllowedOrigin(allowed, "http://c:1"), "http://c:1");
  for (const char* origin :
       {"", "null", "http://a.b", "https://a.b:443", "https://a.b.c",
        "https://x.a.b", "https://a.b/", "https://A.b", "*"}) {
    EXPECT_EQ(AllowedOrigin(allowed, origin), "") << origin;
  }
  EXPECT_EQ(AllowedOrigin({}, "https://a.b"), "");
}

TEST(CorsTest, AStarAllowsAll) {
  EXPECT_EQ(AllowedOrigin({"*"}, "https://a.b"), "*");
  EXPECT_EQ(AllowedOrigin({"*"}, "null"), "*");
}

TEST(CorsTest, OnlyHeadersOfACallAreAllowed) {
  struct Row {
    const char* asked;
    const char* allowed;
  };
  for (const Row& row : {
           Row{"", ""},
           Row{"content-type", "content-type"},
           Row{"content-type,x-grpc-web", "content-type,x-grpc-web"},
           Row{" Content-Type ,\tx , grpc-timeout",
               "content-type,grpc-timeout"},
           Row{"authorization,cookie,latchkey-stamp",
               "authorization,latchkey-stamp"},
           Row{",,content-type,", "content-type"},
           Row{"content-typ,ontent-type,content-types", ""},
       }) {
    EXPECT_EQ(AllowedHeaders(row.asked), row.allowed) << row.asked;
  }
}

}  // namespace
}  // namespace latchkey
