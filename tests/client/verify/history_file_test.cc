#include "client/verify/history_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "tests/client/verify/history_builder.h"

namespace latchkey::verify {
namespace {

// A line of client 1 from 0 to 10, with `fields` in the middle.
std::string Line(const std::string& key, const std::string& fields,
                 const std::string& outcome = "ok") {
  return R"({"client":1,"call":0,"return":10,"key":")" + key + "\"," + fields +
         R"(,"outcome":")" + outcome + "\"}\n";
}

class HistoryFileTest : public testing::Test {
 protected:
  template <typename Request, typename Response>
  std::string LinesOf(const Request& request, const Response& response) {
    HistoryBuilder history;
    history.Ok(1, {0, 10}, request, response);
    return Written(history);
  }

  template <typename Request>
  std::string LinesOfRefused(const Request& request, const EventError& error) {
    HistoryBuilder history;
    history.Refused(1, {0, 10}, request, error);
    return Written(history);
  }

  template <typename Request>
  std::string LinesOfUnknown(const Request& request) {
    HistoryBuilder history;
    history.Unknown(1, {0, 10}, request);
    return Written(history);
  }

  static std::string Written(const HistoryBuilder& history) {
    std::ostringstream out;
    HistoryFile(out).Write(history.history());
    return out.str();
  }
};

TEST_F(HistoryFileTest, Reads) {
  EXPECT_EQ(LinesOf(GetOf("k"), Shows("k", "v", 7)),
            Line("k", R"("read":"v")"));
  EXPECT_EQ(LinesOf(GetOf("k"), Misses()), Line("k", R"("read":null)"));
  EXPECT_EQ(LinesOf(BatchGetOf({"k", "l"}, true),
                    ShowAll({Misses(), Shows("l", "v", 7)}, 7)),
            Line("k", R"("read":null)") + Line("l", R"("read":"v")"));
}

TEST_F(HistoryFileTest, Puts) {
  EXPECT_EQ(LinesOf(PutOf("k", "v"), Wrote(7)), Line("k", R"("write":"v")"));
  v1::PutRequest put = PutOf("k", "v");
  put.mutable_precondition()->set_exists(false);
  EXPECT_EQ(LinesOf(put, Wrote(7)), Line("k", R"("read":null,"write":"v")"));
  put.mutable_precondition()->set_value("u");
  EXPECT_EQ(LinesOf(put, Wrote(7)), Line("k", R"("read":"u","write":"v")"));
  EXPECT_EQ(LinesOfUnknown(put),
            Line("k", R"("read":"u","write":"v")", "unknown"));
  EXPECT_EQ(LinesOf(PutIfVersion("k", "v", 3), Wrote(7)),
            Line("k", R"("exists":true,"write":"v")"));
  put = PutOf("k", "v");
  put.set_return_previous(true);
  v1::PutResponse answer = Wrote(7);
  EXPECT_EQ(LinesOf(put, answer), Line("k", R"("read":null,"write":"v")"));
  *answer.mutable_previous() = EntryOf("k", "u", 3);
  EXPECT_EQ(LinesOf(put, answer), Line("k", R"("read":"u","write":"v")"));
}

TEST_F(HistoryFileTest, Deletes) {
  EXPECT_EQ(LinesOf(DeleteOf("k"), v1::DeleteResponse()),
            Line("k", R"("read":null)"));
  v1::DeleteResponse answer = Deleted(7);
  EXPECT_EQ(LinesOf(DeleteOf("k"), answer),
            Line("k", R"("exists":true,"write":null)"));
  *answer.mutable_previous() = EntryOf("k", "u", 3);
  EXPECT_EQ(LinesOf(DeleteOf("k"), answer),
            Line("k", R"("read":"u","write":null)"));
  EXPECT_EQ(LinesOfUnknown(DeleteOf("k")),
            Line("k", R"("write":null)", "unknown"));
}

TEST_F(HistoryFileTest, Counters) {
  EXPECT_EQ(LinesOf(IncrementOf("n", 5), Counted(105, 7)),
            Line("n", R"("add":5,"initial":0,"result":"105")"));
  v1::IncrementRequest increment = IncrementOf("n", -5);
  increment.clear_initial();
  EXPECT_EQ(LinesOf(increment, Counted(-105, 7)),
            Line("n", R"("add":-5,"result":"-105")"));
  EXPECT_EQ(LinesOfUnknown(IncrementOf("n", 5)),
            Line("n", R"("add":5,"initial":0)", "unknown"));
  v1::TransferRequest transfer;
  transfer.set_source_key("a");
  transfer.set_destination_key("b");
  transfer.set_amount(3);
  transfer.set_create_destination(true);
  v1::TransferResponse answer;
  answer.set_source_value(7);
  answer.set_destination_value(3);
  EXPECT_EQ(LinesOf(transfer, answer),
            Line("a", R"("add":-3,"result":"7")") +
                Line("b", R"("add":3,"initial":0,"result":"3")"));
}

TEST_F(HistoryFileTest, Touches) {
  v1::TouchRequest touch;
  touch.set_key("k");
  v1::TouchResponse answer;
  EXPECT_EQ(LinesOf(touch, answer), Line("k", R"("read":null)"));
  answer.set_touched(true);
  EXPECT_EQ(LinesOf(touch, answer), Line("k", R"("exists":true)"));
  EXPECT_EQ(LinesOfUnknown(touch), "");
}

TEST_F(HistoryFileTest, Refusals) {
  EXPECT_EQ(LinesOfRefused(PutIfVersion("k", "v", 3), PreconditionFailed(7)),
            Line("k", R"("exists":true)", "no"));
  EXPECT_EQ(LinesOfRefused(PutIfVersion("k", "v", 3), PreconditionFailed(0)),
            Line("k", R"("read":null)", "no"));
  EXPECT_EQ(LinesOfRefused(IncrementOf("n", 1),
                           {"FAILED_PRECONDITION", "NOT_A_COUNTER", {}}),
            Line("n", R"("exists":true)", "no"));
  EXPECT_EQ(
      LinesOfRefused(MoveOf("k", "l"), {"NOT_FOUND", "KEY_NOT_FOUND", {}}),
      Line("k", R"("read":null)", "no"));
  EXPECT_EQ(LinesOfRefused(IncrementOf("n", 1),
                           {"OUT_OF_RANGE", "COUNTER_LIMIT", {}}),
            "");
  EXPECT_EQ(LinesOfRefused(PutOf("k", "v"), Overloaded()), "");
  v1::BatchPutRequest batch;
  *batch.add_puts() = PutOf("k", "v");
  *batch.add_puts() = PutIfVersion("l", "v", 3);
  EventError error = PreconditionFailed(7);
  error.metadata["index"] = "1";
  EXPECT_EQ(LinesOfRefused(batch, error), Line("l", R"("exists":true)", "no"));
}

TEST_F(HistoryFileTest, ATransactionTellsOfEachKeyOnce) {
  v1::TransactRequest request;
  v1::Compare* const compare = request.add_compares();
  compare->set_key("k");
  compare->mutable_precondition()->set_value("u");
  *request.add_on_success()->mutable_put() = PutOf("k", "v");
  *request.add_on_success()->mutable_get() = GetOf("k");
  *request.add_on_success()->mutable_increment() = IncrementOf("n", 1);
  *request.add_on_success()->mutable_increment() = IncrementOf("n", 2);
  *request.add_on_failure()->mutable_increment() = IncrementOf("n", 3);
  v1::TransactResponse done;
  done.set_succeeded(true);
  *done.add_results()->mutable_put() = Wrote(7);
  *done.add_results()->mutable_get() = Shows("k", "v", 7);
  *done.add_results()->mutable_increment() = Counted(11, 7);
  *done.add_results()->mutable_increment() = Counted(13, 7);
  EXPECT_EQ(LinesOf(request, done),
            Line("k", R"("read":"u","write":"v")") +
                Line("n", R"("add":3,"initial":0,"result":"13")"));
  v1::TransactResponse failed;
  *failed.add_results()->mutable_increment() = Counted(13, 7);
  EXPECT_EQ(LinesOf(request, failed),
            Line("n", R"("add":3,"initial":0,"result":"13")"));
  // Both branches add 3, so that it is the one thing that is done.
  EXPECT_EQ(LinesOfUnknown(request),
            Line("k", R"("read":"u","write":"v")", "unknown") +
                Line("n", R"("add":3,"initial":0)", "unknown"));
}

TEST_F(HistoryFileTest, AMoveWhoseValueIsKnown) {
  v1::TransactRequest request;
  *request.add_on_success()->mutable_get() = GetOf("k");
  *request.add_on_success()->mutable_move() = MoveOf("k", "l");
  v1::TransactResponse done;
  done.set_succeeded(true);
  *done.add_results()->mutable_get() = Shows("k", "v", 3);
  *done.add_results()->mutable_move() = Moved(7);
  EXPECT_EQ(LinesOf(request, done),
            Line("k", R"("read":"v","write":null)") +
                Line("l", R"("read":null,"write":"v")"));
}

TEST_F(HistoryFileTest, AKeyIsLeftOutFromWhereNobodyKnowsIt) {
  std::ostringstream out;
  HistoryFile file(out);
  HistoryBuilder first;
  first.Ok(1, {0, 10}, PutOf("l", "v"), Wrote(7));
  file.Write(first.history());
  HistoryBuilder second;
  second.Ok(1, {20, 30}, GetOf("l"), Shows("l", "v", 7));
  second.Ok(1, {40, 50}, MoveOf("k", "l"), Moved(8));
  second.Ok(1, {60, 70}, GetOf("l"), Shows("l", "u", 8));
  file.Write(second.history());
  HistoryBuilder third;
  third.Ok(1, {80, 90}, PutOf("l", "w"), Wrote(9));
  file.Write(third.history());
  EXPECT_EQ(out.str(), Line("l", R"("write":"v")") +
                           R"({"client":1,"call":40,"return":50,"key":"k",)"
                           R"("exists":true,"write":null,"outcome":"ok"})"
                           "\n");
}

TEST_F(HistoryFileTest, CopiesAreOneLine) {
  HistoryBuilder history;
  history.Ok(1, {0, 10}, PutOf("k", "v"), Wrote(7), "key");
  history.Ok(1, {20, 30}, PutOf("k", "v"), Wrote(7), "key", true);
  history.Refused(1, {40, 50}, PutOf("k", "w"), Reused(), "key");
  EXPECT_EQ(Written(history), Line("k", R"("write":"v")"));
}

TEST_F(HistoryFileTest, BytesThatAreNoText) {
  EXPECT_EQ(LinesOf(PutOf("k\"", "a\\b"), Wrote(7)),
            Line("k\\\"", R"("write":"a\\b")"));
  EXPECT_EQ(LinesOf(PutOf("k", "\xff\n"), Wrote(7)),
            Line("k", R"("write":"base64:/wo=")"));
  EXPECT_EQ(LinesOf(PutOf("k", "base64:"), Wrote(7)),
            Line("k", R"("write":"base64:YmFzZTY0Og==")"));
}

}  // namespace
}  // namespace latchkey::verify
