// Both versions of server reflection, as a session with a client.

#include "server/service/reflection_service.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/util/message_differencer.h"
#include "grpc/reflection/v1/reflection.pb.h"
#include "grpc/reflection/v1alpha/reflection.pb.h"
#include "tests/server/service/service_fixture.h"

namespace latchkey {
namespace {

using enum absl::StatusCode;

struct V1 {
  static constexpr char kPath[] =
      "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
  using Request = grpc::reflection::v1::ServerReflectionRequest;
  using Response = grpc::reflection::v1::ServerReflectionResponse;
};

struct V1Alpha {
  static constexpr char kPath[] =
      "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
  using Request = grpc::reflection::v1alpha::ServerReflectionRequest;
  using Response = grpc::reflection::v1alpha::ServerReflectionResponse;
};

template <typename Version>
class ReflectionServiceTest : public ::testing::Test {
 protected:
  using Request = typename Version::Request;
  using Response = typename Version::Response;

  ReflectionServiceTest() {
    reflection_.Register(methods_);
    handler_ = methods_.Find(Version::kPath)->stream(call_);
  }

  // Asks and takes the answer, as a transport does.
  Response Ask(const std::string& text) {
    EXPECT_TRUE(call_.TakeReceive());
    const auto request = FromText<Request>(text);
    handler_->OnMessage(request.SerializeAsString());
    EXPECT_FALSE(call_.TakeReceive()) << "one answer before the next question";
    const auto response = call_.template Sent<Response>();
    handler_->OnSent();
    EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(
        response.original_request(), request));
    return response;
  }

  // The names of the files in the answer.
  std::vector<std::string> AskForFiles(const std::string& text) {
    const Response response = Ask(text);
    std::vector<std::string> names;
    for (const std::string& bytes :
         response.file_descriptor_response().file_descriptor_proto()) {
      google::protobuf::FileDescriptorProto file;
      EXPECT_TRUE(file.ParseFromString(bytes));
      names.push_back(file.name());
    }
    return names;
  }

  void ExpectAnswersError(const std::string& text, absl::StatusCode code) {
    const Response response = Ask(text);
    ASSERT_TRUE(response.has_error_response()) << response.DebugString();
    EXPECT_EQ(response.error_response().error_code(), static_cast<int>(code));
    EXPECT_NE(response.error_response().error_message(), "");
  }

  FakeClock clock_;
  ReflectionService reflection_;
  MethodTable methods_;
  FakeCall call_{clock_};
  std::unique_ptr<StreamHandler> handler_;
};

using Versions = ::testing::Types<V1, V1Alpha>;
TYPED_TEST_SUITE(ReflectionServiceTest, Versions);

TYPED_TEST(ReflectionServiceTest, ListsTheServices) {
  const auto response = this->Ask("host: 'h' list_services: '*'");
  EXPECT_EQ(response.valid_host(), "h");
  std::vector<std::string> names;
  for (const auto& service : response.list_services_response().service()) {
    names.push_back(service.name());
  }
  EXPECT_EQ(names,
            (std::vector<std::string>{
                "latchkey.v1.Cache", "latchkey.v1.Admin",
                "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
                "grpc.reflection.v1alpha.ServerReflection"}));
}

// Whoever lists the services can also look each of them up.
TYPED_TEST(ReflectionServiceTest, DescribesEachService) {
  const auto list = this->Ask("list_services: ''").list_services_response();
  for (const auto& service : list.service()) {
    EXPECT_FALSE(
        this->AskForFiles("file_containing_symbol: '" + service.name() + "'")
            .empty())
        << service.name();
  }
}

TYPED_TEST(ReflectionServiceTest, AnswersFilesWithTheirImports) {
  const std::vector<std::string> expected = {"latchkey/v1/cache.proto",
                                             "google/protobuf/duration.proto",
                                             "google/protobuf/timestamp.proto"};
  EXPECT_EQ(this->AskForFiles("file_by_filename: 'latchkey/v1/cache.proto'"),
            expected);
  EXPECT_EQ(
      this->AskForFiles("file_containing_symbol: 'latchkey.v1.PutRequest'"),
      expected);
}

TYPED_TEST(ReflectionServiceTest, DescribesTheServiceForOperators) {
  const std::vector<std::string> expected = {"latchkey/v1/admin.proto",
                                             "google/protobuf/duration.proto",
                                             "google/protobuf/timestamp.proto"};
  EXPECT_EQ(this->AskForFiles("file_containing_symbol: 'latchkey.v1.Admin'"),
            expected);
}

// What an error carries in its details.
TYPED_TEST(ReflectionServiceTest, DescribesTheDetailsOfErrors) {
  EXPECT_EQ(this->AskForFiles("file_containing_symbol: 'google.rpc.ErrorInfo'"),
            std::vector<std::string>{"google/rpc/error_details.proto"});
  EXPECT_EQ(
      this->AskForFiles("file_containing_symbol: 'latchkey.v1.ErrorReason'"),
      std::vector<std::string>{"latchkey/v1/errors.proto"});
}

TYPED_TEST(ReflectionServiceTest, AnswersErrorsAndGoesOn) {
  this->ExpectAnswersError("file_by_filename: 'no/such.proto'", kNotFound);
  this->ExpectAnswersError("file_containing_symbol: 'no.such.Symbol'",
                           kNotFound);
  this->ExpectAnswersError(
      "file_containing_extension { containing_type: 'latchkey.v1.Entry' "
      "extension_number: 1 }",
      kNotFound);
  this->ExpectAnswersError("all_extension_numbers_of_type: 'no.such.Type'",
                           kNotFound);
  this->ExpectAnswersError("host: 'h'", kInvalidArgument);
  EXPECT_FALSE(this->call_.is_finished());
  EXPECT_EQ(
      this->Ask("list_services: ''").list_services_response().service_size(),
      5);
}

TYPED_TEST(ReflectionServiceTest, AKnownTypeHasNoExtensions) {
  const auto response =
      this->Ask("all_extension_numbers_of_type: 'latchkey.v1.Entry'");
  ASSERT_TRUE(response.has_all_extension_numbers_response());
  EXPECT_EQ(response.all_extension_numbers_response().base_type_name(),
            "latchkey.v1.Entry");
  EXPECT_EQ(response.all_extension_numbers_response().extension_number_size(),
            0);
}

TYPED_TEST(ReflectionServiceTest, EndsWithItsClient) {
  this->Ask("list_services: ''");
  this->handler_->OnHalfClose();
  EXPECT_TRUE(this->call_.ok());
}

TYPED_TEST(ReflectionServiceTest, EndsWhenCancelled) {
  this->call_.End(EndReason::kConnectionLost);
  this->handler_->OnCancel();
  EXPECT_EQ(this->call_.error().code, kCancelled);
}

TYPED_TEST(ReflectionServiceTest, GarbageEndsTheConversation) {
  this->handler_->OnMessage("\x07");
  EXPECT_EQ(this->call_.error().code, kInvalidArgument);
  EXPECT_EQ(this->call_.error().field, "request");
}

}  // namespace
}  // namespace latchkey
