#include "server/service/descriptor_index.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "google/protobuf/descriptor.pb.h"
#include "latchkey/v1/cache.pb.h"

namespace latchkey {
namespace {

using google::protobuf::FileDescriptorProto;

// The names of `files`, in their order.
std::vector<std::string> NamesOf(
    const absl::StatusOr<DescriptorIndex::Files>& files) {
  std::vector<std::string> names;
  if (!files.ok()) return {std::string(files.status().message())};
  for (const std::string_view bytes : *files) {
    FileDescriptorProto file;
    EXPECT_TRUE(file.ParseFromArray(bytes.data(), bytes.size()));
    names.push_back(file.name());
  }
  return names;
}

class DescriptorIndexTest : public ::testing::Test {
 protected:
  // Linked in by its mention.
  DescriptorIndexTest() : index_({ServiceName()}, {}) {}

  static std::string ServiceName() {
    return v1::Entry::descriptor()
        ->file()
        ->FindServiceByName("Cache")
        ->full_name();
  }

  const std::vector<std::string> cache_and_imports_ = {
      "latchkey/v1/cache.proto", "google/protobuf/duration.proto",
      "google/protobuf/timestamp.proto"};
  const DescriptorIndex index_;
};

TEST_F(DescriptorIndexTest, AFileComesWithItsImportsItselfFirst) {
  EXPECT_EQ(NamesOf(index_.FindFile("latchkey/v1/cache.proto")),
            cache_and_imports_);
  EXPECT_EQ(NamesOf(index_.FindFile("google/protobuf/duration.proto")),
            (std::vector<std::string>{"google/protobuf/duration.proto"}));
}

TEST_F(DescriptorIndexTest, FindsTheFileOfEverySymbol) {
  for (const char* symbol :
       {"latchkey.v1.Cache", "latchkey.v1.Cache.Get", "latchkey.v1.GetRequest",
        "latchkey.v1.GetRequest.key", "latchkey.v1.ScanRequest.Consistency"}) {
    EXPECT_EQ(NamesOf(index_.FindSymbol(symbol)), cache_and_imports_) << symbol;
  }
}

TEST_F(DescriptorIndexTest, FindsNothingElse) {
  for (const char* symbol : {"", ".", "latchkey.v1.Nothing", "Cache",
                             ".latchkey.v1.Cache", "latchkey.v1.Cache."}) {
    EXPECT_EQ(index_.FindSymbol(symbol).status().code(),
              absl::StatusCode::kNotFound)
        << symbol;
  }
  // Linked in, but none of ours.
  EXPECT_EQ(index_.FindFile("google/protobuf/descriptor.proto").status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(DescriptorIndexTest, TellsMessagesFromOtherSymbols) {
  EXPECT_TRUE(index_.HasMessage("latchkey.v1.Entry"));
  EXPECT_FALSE(index_.HasMessage("latchkey.v1.Cache"));
  EXPECT_FALSE(index_.HasMessage("latchkey.v1.Nothing"));
}

// What is answered is what protoc made of the file, to the last field.
TEST_F(DescriptorIndexTest, AnswersTheWholeDescriptor) {
  FileDescriptorProto expected;
  v1::Entry::descriptor()->file()->CopyTo(&expected);
  const std::string_view bytes =
      index_.FindFile("latchkey/v1/cache.proto").value()[0];
  EXPECT_EQ(bytes, expected.SerializeAsString());
}

TEST(DescriptorIndexDeathTest, WhatItDescribesIsLinkedIn) {
  EXPECT_DEATH(DescriptorIndex({"no.such.Service"}, {}), "linked in");
}

}  // namespace
}  // namespace latchkey
