#include "tests/server/service/service_fixture.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "google/protobuf/descriptor.h"
#include "server/base/string_view.h"

namespace latchkey {

std::string RequestBytes(std::string_view name, const std::string& text) {
  const auto* method = v1::Entry::descriptor()
                           ->file()
                           ->FindServiceByName("Cache")
                           ->FindMethodByName(std::string(name));
  const std::unique_ptr<google::protobuf::Message> request(
      google::protobuf::MessageFactory::generated_factory()
          ->GetPrototype(method->input_type())
          ->New());
  EXPECT_TRUE(
      google::protobuf::TextFormat::ParseFromString(text, request.get()))
      << name << " " << text.substr(0, 200);
  return request->SerializeAsString();
}

std::string Repeat(int count, std::string_view element) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    absl::StrAppend(
        &text, " ",
        absl::StrReplaceAll(ToAbsl(element), {{"#", absl::StrCat(i)}}));
  }
  return text;
}

ServiceTest::ServiceTest(const ServiceOptions& options)
    : service_(store_, clock_, options) {
  service_.Register(methods_);
}

std::unique_ptr<FakeCall> ServiceTest::Call(std::string_view name,
                                            std::string_view bytes,
                                            UnixNanos deadline) {
  const Method* method =
      methods_.Find(absl::StrCat("/latchkey.v1.Cache/", ToAbsl(name)));
  auto call = std::make_unique<FakeCall>(clock_, deadline);
  if (method->unary) {
    DispatchUnary(*method, *call, bytes, clock_.Now());
  } else {
    const auto handler = method->stream(*call);
    EXPECT_TRUE(call->TakeReceive());
    handler->OnMessage(bytes);
    handler->OnDone();
  }
  EXPECT_TRUE(call->is_finished()) << name;
  return call;
}

std::unique_ptr<FakeCall> ServiceTest::Begin(std::string_view name,
                                             std::string_view bytes,
                                             UnixNanos deadline) {
  const Method* method =
      methods_.Find(absl::StrCat("/latchkey.v1.Cache/", ToAbsl(name)));
  auto call = std::make_unique<FakeCall>(clock_, deadline);
  DispatchUnary(*method, *call, bytes, clock_.Now());
  return call;
}

FakeCallError ServiceTest::Error(std::string_view name,
                                 const std::string& text) {
  return ErrorOfBytes(name, RequestBytes(name, text));
}

FakeCallError ServiceTest::ErrorOfBytes(std::string_view name,
                                        std::string_view bytes) {
  const uint64_t version = store_.last_version();
  const auto call = Call(name, bytes);
  EXPECT_FALSE(call->ok()) << name;
  EXPECT_EQ(store_.last_version(), version) << name;
  return call->error();
}

}  // namespace latchkey
