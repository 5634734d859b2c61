#include "server/ops/ops_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <deque>
#include <memory>
#include <string>
#include <string_view>

namespace latchkey {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// A client that sends what it likes.  It gives up after a minute, which no test
// here needs.
class Connection {
 public:
  explicit Connection(int port)
      : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval patience = {60, 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(socket_, reinterpret_cast<const sockaddr*>(&address),
                      sizeof(address)),
              0);
  }
  ~Connection() { close(socket_); }

  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Whether all of `text` was taken.
  bool Send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent =
          send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }

  // All that comes until the server closes the connection.
  std::string Receive() {
    std::string all;
    char some[4096];
    for (;;) {
      const ssize_t got = recv(socket_, some, sizeof(some), 0);
      if (got < 0 && errno == EAGAIN) ADD_FAILURE() << "the server keeps it";
      if (got <= 0) return all;
      all.append(some, static_cast<size_t>(got));
    }
  }

 private:
  const int socket_;
};

class OpsServerTest : public ::testing::Test {
 protected:
  OpsServerTest() {
    registry_.Add([](MetricsText& text) {
      text.Family("answer", MetricType::kGauge, "The answer.");
      text.Sample({}, 42);
    });
  }

  // Starts a server that cuts connections off after `time`.
  void Start(Nanos time = 60 * kNanosPerSecond) {
    ops_ = std::make_unique<OpsServer>(
        OpsOptions{.host = "127.0.0.1", .connection_time_max = time}, registry_,
        readiness_);
    const absl::StatusOr<int> port = ops_->Start();
    ASSERT_TRUE(port.ok()) << port.status();
    port_ = *port;
  }

  std::string Ask(const std::string& request) {
    Connection connection(port_);
    EXPECT_TRUE(connection.Send(request));
    return connection.Receive();
  }
  std::string Get(const std::string& path, const std::string& headers = "") {
    return Ask("GET " + path + " HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n");
  }

  MetricsRegistry registry_;
  Readiness readiness_;
  std::unique_ptr<OpsServer> ops_;
  int port_ = 0;
};

TEST_F(OpsServerTest, ShowsMetricsAsPrometheusWantsThem) {
  Start();
  const std::string answer = Get("/metrics");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; version=0.0.4; "
                                "charset=utf-8\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n# HELP answer The answer.\n"
                               "# TYPE answer gauge\nanswer 42\n"));
}

TEST_F(OpsServerTest, TellsWhetherItIsReadyAndWhyNot) {
  Start();
  struct Row {
    Readiness::State state;
    const char* status;
    const char* body;
  };
  for (const Row& row :
       {Row{Readiness::State::kStarting, "HTTP/1.1 503 ", "starting\n"},
        Row{Readiness::State::kReady, "HTTP/1.1 200 ", "ready\n"},
        Row{Readiness::State::kDraining, "HTTP/1.1 503 ", "draining\n"}}) {
    readiness_.Set(row.state);
    const std::string answer = Get("/readyz");
    EXPECT_THAT(answer, StartsWith(row.status));
    EXPECT_THAT(answer, EndsWith(std::string("\r\n\r\n") + row.body));
    EXPECT_THAT(answer, HasSubstr("Cache-Control: no-store\r\n"));
    // Whatever the state, the process lives.
    EXPECT_THAT(Get("/livez"), StartsWith("HTTP/1.1 200 "));
  }
}

TEST_F(OpsServerTest, KnowsNoOtherPaths) {
  Start();
  for (const char* path : {"/", "/metrics/", "/metricsx", "/Metrics",
                           "/livez/..", "//metrics", "/%2e%2e/metrics"}) {
    EXPECT_THAT(Get(path), StartsWith("HTTP/1.1 404 ")) << path;
  }
  EXPECT_THAT(Ask("DELETE /metrics HTTP/1.1\r\nHost: x\r\n\r\n"),
              StartsWith("HTTP/1.1 404 "));
}

// By the library's own options two servers would share it.
TEST_F(OpsServerTest, APortIsOfOneServer) {
  Start();
  OpsServer second({.host = "127.0.0.1", .port = port_}, registry_, readiness_);
  const absl::StatusOr<int> port = second.Start();
  EXPECT_EQ(port.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(port.status().message()),
              HasSubstr(std::to_string(port_)));
  EXPECT_THAT(Get("/livez"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(OpsServerTest, AnAddressOfAnotherMachineIsAnError) {
  OpsServer ops({.host = "192.0.2.1"}, registry_, readiness_);
  EXPECT_EQ(ops.Start().status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(OpsServerTest, AConnectionCarriesOneRequest) {
  Start();
  const std::string answer =
      Get("/livez", "\r\nGET /livez HTTP/1.1\r\nHost: x\r\n");
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_EQ(answer.rfind("HTTP/1.1 "), 0u) << "answered once";
}

// A thousand ranges would be a thousand times the answer.
TEST_F(OpsServerTest, AnswersWholeWhateverRangesAreAskedFor) {
  Start();
  for (const char* ranges :
       {"0-1", "0-,0-,0-,0-", "-1", "9-1", "a-b", "99999999999999999999999999-",
        "0-99999999999999999999999999"}) {
    const std::string answer =
        Get("/metrics", "Range: bytes=" + std::string(ranges) + "\r\n");
    EXPECT_LT(answer.size(), 500u) << ranges;
    EXPECT_THAT(answer, Not(StartsWith("HTTP/1.1 206 "))) << ranges;
  }
  EXPECT_THAT(Get("/metrics", "Range: bytes=0-1\r\n"), EndsWith("answer 42\n"));
}

TEST_F(OpsServerTest, CutsOffWhoSendsTooMuch) {
  Start();
  const std::string longest(1024 * 1024, 'x');
  std::string many;
  while (many.size() < longest.size()) many += "a: b\r\n";
  for (const std::string& request :
       {longest, "GET /" + longest, "GET /livez HTTP/1.1\r\nA: " + longest,
        "GET /livez HTTP/1.1\r\n" + many,
        "POST /livez HTTP/1.1\r\nContent-Length: 1048576\r\n\r\n" + longest,
        "POST /livez HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n100000\r\n" +
            longest}) {
    Connection connection(port_);
    // It may be cut off before it has sent all.
    connection.Send(request);
    EXPECT_THAT(connection.Receive(), Not(HasSubstr(" 200 ")));
  }
  EXPECT_THAT(Get("/livez"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(OpsServerTest, LivesThroughNonsense) {
  // Some of it looks like the beginning of something.
  Start(50 * kNanosPerMilli);
  for (const std::string& request :
       {std::string("\0\0\0\0\r\n\r\n", 8), std::string("\r\n\r\n"),
        std::string("GET\r\n\r\n"), std::string("GET /livez\r\n\r\n"),
        std::string("GET /livez HTTP/9.9\r\n\r\n"),
        std::string("GET /%zz HTTP/1.1\r\n\r\n"),
        std::string("GET /livez HTTP/1.1\r\nContent-Length: -1\r\n\r\n"),
        std::string("POST /livez HTTP/1.1\r\nContent-Length: "
                    "99999999999999999999999\r\n\r\n"),
        std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        std::string("GET /livez HTTP/1.1\r\nExpect: 100-continue\r\n\r\n")}) {
    Connection connection(port_);
    EXPECT_TRUE(connection.Send(request));
    connection.Receive();
  }
  EXPECT_THAT(Get("/livez"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(OpsServerTest, CutsOffWhoSaysNothing) {
  Start(50 * kNanosPerMilli);
  Connection connection(port_);
  EXPECT_EQ(connection.Receive(), "");
}

// Each byte comes soon after the one before; all of them never come.
TEST_F(OpsServerTest, CutsOffWhoIsSlow) {
  Start(50 * kNanosPerMilli);
  Connection connection(port_);
  EXPECT_TRUE(connection.Send("GET /livez HTTP/1.1\r\nA: "));
  int sent = 0;
  while (connection.Send("x") && sent < 100'000'000) ++sent;
  EXPECT_LT(sent, 100'000'000);
}

TEST_F(OpsServerTest, CutsOffWhoDoesNotRead) {
  registry_.Add([](MetricsText& text) {
    text.Family("large", MetricType::kGauge, std::string(16'000'000, 'x'));
  });
  Start(200 * kNanosPerMilli);
  Connection lazy(port_);
  EXPECT_TRUE(lazy.Send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"));
  // More of them than threads, and still someone gets an answer.
  Connection other(port_);
  EXPECT_TRUE(other.Send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_THAT(Get("/livez"), StartsWith("HTTP/1.1 200 "));
  EXPECT_LT(lazy.Receive().size(), 16'000'000u);
}

TEST_F(OpsServerTest, AnswersAgainWhenManyIdleConnectionsWereCutOff) {
  Start(20 * kNanosPerMilli);
  std::deque<Connection> idle;
  for (int i = 0; i < 14; ++i) idle.emplace_back(port_);
  EXPECT_THAT(Get("/livez"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(OpsServerTest, StopsAtOnceWhoeverIsConnected) {
  Start(3600 * kNanosPerSecond);
  std::deque<Connection> idle;
  for (int i = 0; i < 10; ++i) idle.emplace_back(port_);
  EXPECT_TRUE(idle.front().Send("GET /livez HTTP/1.1\r\n"));
  ops_->Stop();
  ops_->Stop();
  for (Connection& connection : idle) EXPECT_EQ(connection.Receive(), "");
}

TEST_F(OpsServerTest, EndsWithoutHavingStarted) {
  OpsServer ops({}, registry_, readiness_);
  ops.Stop();
}

}  // namespace
}  // namespace latchkey
