#include "server/service/descriptor_index.h"

#include <algorithm>

#include "google/protobuf/descriptor.pb.h"
#include "server/base/check.h"

namespace latchkey {

using google::protobuf::DescriptorPool;
using google::protobuf::FileDescriptor;
using google::protobuf::FileDescriptorProto;

DescriptorIndex::DescriptorIndex(const std::vector<std::string>& services,
                                 const std::vector<std::string>& messages)
    : services_(services) {
  std::vector<std::string> symbols = services;
  symbols.insert(symbols.end(), messages.begin(), messages.end());
  for (const std::string& symbol : symbols) {
    const FileDescriptor* file =
        DescriptorPool::generated_pool()->FindFileContainingSymbol(symbol);
    LATCHKEY_CHECK(file != nullptr, "the described code is linked in");
    Add(*file);
  }
}

void DescriptorIndex::Add(const FileDescriptor& file) {
  if (pool_.FindFileByName(file.name()) != nullptr) return;
  // A pool takes a file after those that it imports.
  for (int i = 0; i < file.dependency_count(); ++i) Add(*file.dependency(i));
  FileDescriptorProto proto;
  file.CopyTo(&proto);
  const FileDescriptor* copy = pool_.BuildFile(proto);
  LATCHKEY_CHECK(copy != nullptr, "generated descriptors are valid");
  serialized_[copy] = proto.SerializeAsString();
}

DescriptorIndex::Files DescriptorIndex::WithImports(
    const FileDescriptor& file) const {
  std::vector<const FileDescriptor*> found = {&file};
  Files files;
  // `found` grows while it is walked.
  for (size_t i = 0; i < found.size(); ++i) {
    files.push_back(serialized_.at(found[i]));
    for (int j = 0; j < found[i]->dependency_count(); ++j) {
      const FileDescriptor* import = found[i]->dependency(j);
      if (std::ranges::find(found, import) == found.end()) {
        found.push_back(import);
      }
    }
  }
  return files;
}

absl::StatusOr<DescriptorIndex::Files> DescriptorIndex::FindFile(
    const std::string& name) const {
  const FileDescriptor* file = pool_.FindFileByName(name);
  if (file == nullptr) return absl::NotFoundError("no such file");
  return WithImports(*file);
}

absl::StatusOr<DescriptorIndex::Files> DescriptorIndex::FindSymbol(
    const std::string& symbol) const {
  const FileDescriptor* file = pool_.FindFileContainingSymbol(symbol);
  if (file == nullptr) return absl::NotFoundError("no such symbol");
  return WithImports(*file);
}

bool DescriptorIndex::HasMessage(const std::string& name) const {
  return pool_.FindMessageTypeByName(name) != nullptr;
}

}  // namespace latchkey
