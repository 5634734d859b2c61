// Scan as a transport drives it: one page at a time, each after OnSent().

#include "server/service/scan_handler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/service/cache_service.h"
#include "tests/server/service/service_fixture.h"

namespace latchkey {
namespace {

// One Scan call, of which the test plays the transport.
class ScanStream {
 public:
  ScanStream(const MethodTable& methods, const Clock& clock,
             UnixNanos deadline = kNever)
      : call_(clock, deadline),
        handler_(methods.Find("/latchkey.v1.Cache/Scan")->stream(call_)) {
    EXPECT_TRUE(call_.TakeReceive());
  }
  ~ScanStream() { handler_->OnDone(); }

  void Send(const v1::ScanRequest& request) {
    handler_->OnMessage(request.SerializeAsString());
  }

  // The page that was sent; the next one is made only after OnSent().
  v1::ScanResponse TakePage() {
    EXPECT_FALSE(call_.is_finished());
    return call_.Sent<v1::ScanResponse>();
  }
  void OnSent() { handler_->OnSent(); }

  // All pages from here on, to the OK end.
  std::vector<v1::ScanResponse> Rest() {
    std::vector<v1::ScanResponse> pages;
    while (!call_.is_finished() && call_.has_sent()) {
      pages.push_back(TakePage());
      OnSent();
    }
    EXPECT_TRUE(call_.ok());
    return pages;
  }

  FakeCall& call() { return call_; }
  StreamHandler& handler() { return *handler_; }

 private:
  FakeCall call_;
  std::unique_ptr<StreamHandler> handler_;
};

class ScanHandlerTest : public ::testing::Test {
 protected:
  ScanHandlerTest() { service_.Register(methods_); }

  void Put(std::string_view key, std::string_view value, uint32_t flags = 0,
           Expiration expiration = {}) {
    const Operation put = PutOperation{
        .key = key, .value = value, .expiration = expiration, .flags = flags};
    ASSERT_TRUE(store_.Write({.on_success = {&put, 1}}, endless_.token()).ok());
  }
  void Fill(int count, std::string_view value = "v") {
    for (int i = 0; i < count; ++i) Put(absl::StrCat("key", i), value);
  }

  std::unique_ptr<ScanStream> Start(const std::string& request,
                                    UnixNanos deadline = kNever) {
    auto stream = std::make_unique<ScanStream>(methods_, clock_, deadline);
    stream->Send(FromText<v1::ScanRequest>(request));
    return stream;
  }

  static size_t Count(const std::vector<v1::ScanResponse>& pages) {
    size_t count = 0;
    for (const v1::ScanResponse& page : pages) {
      count += static_cast<size_t>(page.entries_size());
    }
    return count;
  }

  FakeClock clock_;
  SeededRandom random_{1};
  Store store_{StoreOptions{}, clock_, random_};
  CacheService service_{store_, clock_, ServiceOptions{}};
  MethodTable methods_;
  DeadlineSource endless_{kNever};
};

TEST_F(ScanHandlerTest, SendsEntriesAsGetDoes) {
  Put("a:1", "one", 7,
      {.kind = Expiration::Kind::kTtl, .ttl = kNanosPerSecond});
  const uint64_t version = store_.last_version();
  Put("b:1", "two");
  const auto pages = Start("prefix: 'a:'")->Rest();
  ASSERT_EQ(pages.size(), 1u);
  ASSERT_EQ(pages[0].entries_size(), 1);
  const v1::Entry& entry = pages[0].entries(0);
  EXPECT_EQ(entry.key(), "a:1");
  EXPECT_EQ(entry.value(), "one");
  EXPECT_EQ(entry.version(), version);
  EXPECT_EQ(entry.flags(), 7u);
  EXPECT_EQ(entry.expire_time().seconds(), 1'700'000'001);
  EXPECT_TRUE(pages[0].resume_token().empty());
  EXPECT_EQ(pages[0].snapshot_version(), 0u);
}

TEST_F(ScanHandlerTest, LeavesOutValues) {
  Put("k", "value", 7);
  const auto pages = Start("keys_only: true")->Rest();
  ASSERT_EQ(Count(pages), 1u);
  EXPECT_EQ(pages[0].entries(0).key(), "k");
  EXPECT_EQ(pages[0].entries(0).value(), "");
  EXPECT_EQ(pages[0].entries(0).flags(), 7u);
}

TEST_F(ScanHandlerTest, AnEmptyScanIsOneEmptyMessage) {
  for (const char* request : {"", "consistency: SNAPSHOT", "prefix: 'x'"}) {
    const auto pages = Start(request)->Rest();
    ASSERT_EQ(pages.size(), 1u) << request;
    EXPECT_EQ(pages[0].entries_size(), 0);
    EXPECT_TRUE(pages[0].resume_token().empty());
  }
}

TEST_F(ScanHandlerTest, APageIsAsLargeAsWasAskedFor) {
  Fill(1'500);
  struct Row {
    const char* request;
    int page;
  };
  for (const Row& row :
       {Row{"", 256}, Row{"page_size: 7", 7}, Row{"page_size: 1000", 1'000},
        Row{"consistency: SNAPSHOT", 256}}) {
    SCOPED_TRACE(row.request);
    auto stream = Start(row.request);
    const v1::ScanResponse first = stream->TakePage();
    EXPECT_EQ(first.entries_size(), row.page);
    EXPECT_FALSE(first.resume_token().empty());
    stream->OnSent();
    EXPECT_EQ(static_cast<size_t>(row.page) + Count(stream->Rest()), 1'500u);
  }
}

TEST_F(ScanHandlerTest, APageEndsBeforeAMebibyte) {
  Fill(10, std::string(300'000, 'v'));
  for (const char* request : {"", "consistency: SNAPSHOT"}) {
    const auto pages = Start(request)->Rest();
    EXPECT_EQ(Count(pages), 10u);
    for (const v1::ScanResponse& page : pages) {
      EXPECT_LE(page.entries_size(), 3);
      EXPECT_LE(page.ByteSizeLong(), 1024u * 1024u);
    }
  }
  // Without their values they are small.
  EXPECT_EQ(Start("keys_only: true")->Rest().size(), 1u);
}

TEST_F(ScanHandlerTest, MakesTheNextPageOnlyWhenThisOneWasTaken) {
  Fill(20);
  auto stream = Start("page_size: 5");
  EXPECT_EQ(stream->TakePage().entries_size(), 5);
  EXPECT_FALSE(stream->call().has_sent());
  stream->OnSent();
  EXPECT_TRUE(stream->call().has_sent());
}

TEST_F(ScanHandlerTest, ASnapshotTellsItsVersion) {
  Fill(20);
  const uint64_t version = store_.last_version();
  auto stream = Start("page_size: 5 consistency: SNAPSHOT");
  Fill(30, "later");
  const auto pages = stream->Rest();
  EXPECT_EQ(Count(pages), 20u);
  for (const v1::ScanResponse& page : pages) {
    EXPECT_EQ(page.snapshot_version(), version);
    for (const v1::Entry& entry : page.entries()) {
      EXPECT_EQ(entry.value(), "v");
      EXPECT_LE(entry.version(), version);
    }
  }
}

TEST_F(ScanHandlerTest, GoesOnBehindATokenOnAnotherStream) {
  Fill(20);
  for (const char* kind : {"FUZZY", "SNAPSHOT"}) {
    SCOPED_TRACE(kind);
    auto request = FromText<v1::ScanRequest>(
        absl::StrCat("page_size: 6 prefix: 'key' consistency: ", kind));
    auto first = std::make_unique<ScanStream>(methods_, clock_);
    first->Send(request);
    request.set_resume_token(first->TakePage().resume_token());
    // This one never arrived.
    first->OnSent();
    first->call().End(EndReason::kConnectionLost);
    first->handler().OnCancel();
    EXPECT_EQ(first->call().error().code, absl::StatusCode::kCancelled);
    first = nullptr;
    ScanStream second(methods_, clock_);
    second.Send(request);
    EXPECT_EQ(Count(second.Rest()), 14u);
  }
}

TEST_F(ScanHandlerTest, ABadTokenNamesItsField) {
  auto stream = Start("resume_token: 'x'");
  EXPECT_EQ(stream->call().error().code, absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(stream->call().error().reason, "INVALID_FIELD");
  EXPECT_EQ(stream->call().error().field, "resume_token");
}

TEST_F(ScanHandlerTest, ASnapshotThatIsGoneIsScanExpired) {
  Fill(20);
  auto request =
      FromText<v1::ScanRequest>("page_size: 6 consistency: SNAPSHOT");
  {
    ScanStream stream(methods_, clock_);
    stream.Send(request);
    request.set_resume_token(stream.TakePage().resume_token());
    stream.call().End(EndReason::kClientCancelled);
    stream.handler().OnCancel();
  }
  clock_.Advance(SnapshotTable::kIdleMax);
  store_.scanner().Sweep(1'000);
  ScanStream second(methods_, clock_);
  second.Send(request);
  EXPECT_EQ(second.call().error().code, absl::StatusCode::kOutOfRange);
  EXPECT_EQ(second.call().error().reason, "SCAN_EXPIRED");
  request.set_consistency(v1::ScanRequest::FUZZY);
  ScanStream third(methods_, clock_);
  third.Send(request);
  EXPECT_GE(Count(third.Rest()), 14u);
}

TEST_F(ScanHandlerTest, TooManySnapshotsAreRefusedForAWhile) {
  Fill(20);
  std::vector<std::unique_ptr<ScanStream>> streams;
  for (size_t i = 0; i < kSnapshotsMax; ++i) {
    streams.push_back(Start("page_size: 1 consistency: SNAPSHOT"));
  }
  auto refused = Start("consistency: SNAPSHOT");
  EXPECT_EQ(refused->call().error().code, absl::StatusCode::kUnavailable);
  EXPECT_EQ(refused->call().error().reason, "OVERLOADED");
  const Trailers expected = {{"grpc-retry-pushback-ms", "1000"}};
  EXPECT_EQ(refused->call().trailers(), expected);
  EXPECT_EQ(Count(Start("")->Rest()), 20u);
}

TEST_F(ScanHandlerTest, EndsAtItsDeadlineBetweenPages) {
  Fill(20);
  auto stream = Start("page_size: 5", clock_.Now() + kNanosPerSecond);
  stream->TakePage();
  clock_.Advance(kNanosPerSecond);
  stream->OnSent();
  EXPECT_EQ(stream->call().error().code, absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(stream->call().error().reason, "EXPIRED_BEFORE_COMMIT");
}

TEST_F(ScanHandlerTest, ALateOneIsExpiredOnArrival) {
  auto stream = Start("", clock_.Now());
  EXPECT_EQ(stream->call().error().code, absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(stream->call().error().reason, "EXPIRED_ON_ARRIVAL");
}

TEST_F(ScanHandlerTest, IsCancelledWhileItWaits) {
  Fill(20);
  ScanStream waiting(methods_, clock_);
  waiting.call().End(EndReason::kClientCancelled);
  waiting.handler().OnCancel();
  EXPECT_EQ(waiting.call().error().code, absl::StatusCode::kCancelled);

  auto sending = Start("page_size: 5");
  sending->call().End(EndReason::kDraining);
  sending->handler().OnCancel();
  EXPECT_EQ(sending->call().error().code, absl::StatusCode::kUnavailable);
  EXPECT_EQ(sending->call().error().reason, "DRAINING");
}

TEST_F(ScanHandlerTest, WithoutARequestIsBadInput) {
  ScanStream stream(methods_, clock_);
  stream.handler().OnHalfClose();
  EXPECT_EQ(stream.call().error().code, absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(stream.call().error().field, "request");
}

TEST_F(ScanHandlerTest, GivesAStampToWhoAsks) {
  const Trailers stamp = {{"latchkey-stamp", store_.CurrentStamp().ToText()}};
  ScanStream good(methods_, clock_);
  good.call().SetMetadata("latchkey-stamp", "?");
  good.Send({});
  good.Rest();
  EXPECT_EQ(good.call().trailers(), stamp);
  ScanStream bad(methods_, clock_);
  bad.call().SetMetadata("latchkey-stamp", "?");
  bad.Send(FromText<v1::ScanRequest>("resume_token: 'x'"));
  EXPECT_EQ(bad.call().trailers(), stamp);
}

}  // namespace
}  // namespace latchkey
