#include "client/cli/exit_code.h"

#include <gtest/gtest.h>

#include <array>

namespace latchkey::client {
namespace {

TEST(ExitCodeTest, EveryStatusCodeHasOne) {
  // Indexed by gRPC code.
  constexpr std::array<int, 17> kExitCodes = {
      0,  // OK
      5,  // CANCELLED
      5,  // UNKNOWN
      2,  // INVALID_ARGUMENT
      4,  // DEADLINE_EXCEEDED
      1,  // NOT_FOUND
      1,  // ALREADY_EXISTS
      5,  // PERMISSION_DENIED
      5,  // RESOURCE_EXHAUSTED
      1,  // FAILED_PRECONDITION
      1,  // ABORTED
      1,  // OUT_OF_RANGE
      5,  // UNIMPLEMENTED
      5,  // INTERNAL
      3,  // UNAVAILABLE
      5,  // DATA_LOSS
      5,  // UNAUTHENTICATED
  };
  for (std::size_t code = 0; code < kExitCodes.size(); ++code) {
    const auto status = static_cast<grpc::StatusCode>(code);
    const int exit_code = kExitCodes[code];
    EXPECT_EQ(static_cast<int>(ExitCodeFor(status, Outcome::kNotApplied)),
              exit_code)
        << code;
    // A refusal and wrong use would claim that nothing was applied.
    const int unknown = exit_code == 1 || exit_code == 2 ? 5 : exit_code;
    EXPECT_EQ(static_cast<int>(ExitCodeFor(status, Outcome::kUnknown)), unknown)
        << code;
  }
}

}  // namespace
}  // namespace latchkey::client
