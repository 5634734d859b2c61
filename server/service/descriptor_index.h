// DescriptorIndex knows the descriptors of a set of services: what server
// reflection is asked for.
//
// It holds copies in a pool of its own.  The generated pool remembers every
// name that was ever asked for in vain, so clients could fill memory through
// it.
//
// Thread safety: constant after construction.

#ifndef LATCHKEY_SERVER_SERVICE_DESCRIPTOR_INDEX_H_
#define LATCHKEY_SERVER_SERVICE_DESCRIPTOR_INDEX_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "google/protobuf/descriptor.h"

namespace latchkey {

class DescriptorIndex {
 public:
  // Serialized FileDescriptorProtos, which live as long as the index.
  using Files = std::vector<std::string_view>;

  // Takes the files of `services`, and of messages that travel in an Any, with
  // all that they import.
  //
  // REQUIRES: their generated code is linked in.
  DescriptorIndex(const std::vector<std::string>& services,
                  const std::vector<std::string>& messages);

  DescriptorIndex(const DescriptorIndex&) = delete;
  DescriptorIndex& operator=(const DescriptorIndex&) = delete;

  // The file and all that it imports, itself first; or NOT_FOUND.
  absl::StatusOr<Files> FindFile(const std::string& name) const;

  // The same for the file that defines the fully-qualified `symbol`.
  absl::StatusOr<Files> FindSymbol(const std::string& symbol) const;

  bool HasMessage(const std::string& name) const;

  // Full names, in the order of the constructor.
  const std::vector<std::string>& services() const { return services_; }

 private:
  void Add(const google::protobuf::FileDescriptor& file);
  Files WithImports(const google::protobuf::FileDescriptor& file) const;

  const std::vector<std::string> services_;
  google::protobuf::DescriptorPool pool_;
  absl::flat_hash_map<const google::protobuf::FileDescriptor*, std::string>
      serialized_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SERVICE_DESCRIPTOR_INDEX_H_
