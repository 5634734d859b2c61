#include "client/cli/message_format.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "latchkey/v1/cache.pb.h"

namespace latchkey::client {
namespace {

template <typename Message>
Message Parse(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message));
  return message;
}

TEST(MessageFormatTest, JsonKeepsEveryBitOfAVersion) {
  const auto response = Parse<v1::PutResponse>("version: 18446744073709551615");
  EXPECT_EQ(DumpJson(MessageToJson(response)),
            R"({"version":"18446744073709551615","expire_time":null,)"
            R"("previous":null})");
}

TEST(MessageFormatTest, JsonHasTextOnlyForUtf8) {
  const auto entry = Parse<v1::Entry>(R"(key: "gr\303\274n" value: "\377")");
  const nlohmann::ordered_json json = MessageToJson(entry);
  EXPECT_EQ(json["key_base64"], "Z3LDvG4=");
  EXPECT_EQ(json["key_text"], "gr\xC3\xBCn");
  EXPECT_EQ(json["value_base64"], "/w==");
  EXPECT_FALSE(json.contains("value_text"));
}

TEST(MessageFormatTest, JsonShowsTimesAndEnumsAsText) {
  const auto response = Parse<v1::GetOutcomeResponse>(
      "state: NOT_APPLIED code: 10 complete_time { seconds: 1900000000 }");
  const nlohmann::ordered_json json = MessageToJson(response);
  EXPECT_EQ(json["state"], "NOT_APPLIED");
  EXPECT_EQ(json["code"], 10);
  EXPECT_EQ(json["complete_time"], "2030-03-17T17:46:40Z");

  const auto lease = Parse<v1::Lease>("ttl { seconds: 1 nanos: 500000000 }");
  EXPECT_EQ(MessageToJson(lease)["ttl"], "1.500s");
}

TEST(MessageFormatTest, JsonShowsOnlyTheKindThatIsSet) {
  const auto response = Parse<v1::TransactResponse>(
      "succeeded: true results { touch { touched: true version: 7 } }");
  EXPECT_EQ(DumpJson(MessageToJson(response)),
            R"({"succeeded":true,"results":[{"touch":{"touched":true,)"
            R"("expire_time":null,"version":"7"}}],"version":"0"})");
}

TEST(MessageFormatTest, JsonLeavesOutAnUnsetOptionalNumber) {
  EXPECT_FALSE(MessageToJson(v1::IncrementRequest()).contains("initial"));
  EXPECT_EQ(MessageToJson(Parse<v1::IncrementRequest>("initial: 0"))["initial"],
            "0");
}

TEST(MessageFormatTest, JsonShowsListsOfBytes) {
  EXPECT_EQ(DumpJson(MessageToJson(
                Parse<v1::BatchGetRequest>(R"(keys: "a" keys: "\377")"))),
            R"({"keys_base64":["YQ==","/w=="],"atomic":false})");
}

TEST(MessageFormatTest, LinesNameThePath) {
  const auto response = Parse<v1::BatchGetResponse>(
      R"(results { entry { key: "a\n" version: 7 } }
         results { not_modified: true } snapshot_version: 9)");
  EXPECT_EQ(MessageToLines(response),
            "results[0].entry.key=a\\n\n"
            "results[0].entry.value=\n"
            "results[0].entry.version=7\n"
            "results[0].entry.flags=0\n"
            "results[0].not_modified=false\n"
            "results[1].not_modified=true\n"
            "snapshot_version=9\n");
}

TEST(MessageFormatTest, ErrorsAreOneLine) {
  CallError error;
  error.code_name = "UNAVAILABLE";
  error.message = "gone\nfor good";
  EXPECT_EQ(ErrorToText(error), "UNAVAILABLE: gone\\nfor good");

  error.reason = "OVERLOADED";
  error.metadata = {{"applied", "no"}, {"queue", "7"}};
  EXPECT_EQ(ErrorToText(error),
            "UNAVAILABLE OVERLOADED: gone\\nfor good (applied=no, queue=7)");
}

TEST(MessageFormatTest, JsonOfAnErrorSurvivesBytesThatAreNotUtf8) {
  CallResult result;
  result.error.code_name = "INTERNAL";
  result.error.message = "\xFF";
  const std::string json = DumpJson(ErrorToJson(result));
  EXPECT_EQ(json,
            "{\"error\":{\"code\":\"INTERNAL\",\"reason\":\"\","
            "\"message\":\"\xEF\xBF\xBD\",\"field\":\"\",\"metadata\":{},"
            "\"outcome\":\"unknown\",\"idempotency_key\":\"\","
            "\"stamp\":\"\",\"attempts\":0}}");
}

TEST(MessageFormatTest, AnOutcomeIsToldInWords) {
  CallResult result;
  // Of a read that touched, which has no key to ask for.
  result.outcome = Outcome::kUnknown;
  EXPECT_EQ(OutcomeToText(result, {}),
            "outcome unknown: it may have been applied");
  result.outcome = Outcome::kNotApplied;
  EXPECT_EQ(OutcomeToText(result, {}), "");
  result.idempotency_key = "once";
  EXPECT_EQ(OutcomeToText(result, {}),
            "not applied: this command changed nothing");
}

TEST(MessageFormatTest, AnUnknownOutcomeNamesTheCommandThatTells) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"0190-a", "0190-a"},
      {"it's 7", "'it'\\''s 7'"},
      {"-7", "-- -7"},
      {"a\nb", "--key-encoding escaped 'a\\nb'"},
      {"\xFF", "--key-encoding escaped '\\377'"},
      {"a\\b", "--key-encoding escaped 'a\\\\b'"},
  };
  CallResult result;
  result.outcome = Outcome::kUnknown;
  for (const auto& [key, words] : rows) {
    result.idempotency_key = key;
    EXPECT_EQ(OutcomeToText(result, {}),
              "outcome unknown: it may have been applied; ask "
              "`latchkey get-outcome " +
                  words + "`");
  }
  result.idempotency_key = "once";
  const std::string options[] = {"--server", "cache:7411", "--tls", "--tls-ca",
                                 "my ca.pem"};
  EXPECT_EQ(OutcomeToText(result, options),
            "outcome unknown: it may have been applied; ask "
            "`latchkey get-outcome --server cache:7411 --tls --tls-ca "
            "'my ca.pem' once`");
  result.stamp = "0123456789abcdef-1700000000";
  EXPECT_EQ(OutcomeToText(result, {}),
            "outcome unknown: it may have been applied; ask `latchkey "
            "get-outcome --stamp=0123456789abcdef-1700000000 once`");
}

}  // namespace
}  // namespace latchkey::client
