#include "server/rpc/authentication.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <string>

#include "tests/support/fake_call.h"
#include "tests/support/fake_clock.h"

namespace latchkey {
namespace {

// SHA-256 of "good", by sha256sum.
constexpr char kGood[] =
    "770e607624d689265ca6c44884d0807d9b054d23c473c106c72be9de08b7376c";

TEST(AuthenticationTest, WhoHasSentACall) {
  const std::string file = testing::TempDir() + "authentication";
  std::ofstream(file) << "ann " << kGood;
  const auto keeper = TokenKeeper::Open(file);
  ASSERT_TRUE(keeper.ok()) << keeper.status();
  std::remove(file.c_str());
  const Method usual;
  const Method open = {.is_open = true};
  // What `who` is of a call that is refused.
  const std::string refused = "refused";
  const struct {
    bool has_tokens;
    const Method* method;
    const char* authorization;  // Null: none.
    std::string certificate;
    std::string who;
  } rows[] = {
      {false, &usual, nullptr, "", ""},
      {false, &usual, "Bearer good", "", ""},
      {false, &usual, nullptr, "bob", "bob"},
      {false, &usual, "Bearer bad", "bob", "bob"},
      {false, nullptr, nullptr, "", ""},
      {false, &open, nullptr, "bob", ""},
      {true, &usual, nullptr, "", refused},
      {true, &usual, "", "", refused},
      {true, &usual, "Bearer bad", "", refused},
      {true, &usual, "Bearer good", "", "ann"},
      {true, &usual, nullptr, "bob", "bob"},
      {true, &usual, "Bearer good", "bob", "ann"},
      {true, &usual, "Bearer bad", "bob", refused},
      {true, &usual, "", "bob", refused},
      {true, nullptr, nullptr, "", refused},
      {true, nullptr, "Bearer good", "", "ann"},
      {true, &open, nullptr, "", ""},
      {true, &open, "Bearer bad", "", ""},
      {true, &open, "Bearer good", "bob", ""},
  };
  int number = 0;
  for (const auto& row : rows) {
    const FakeClock clock{0};
    FakeCall call(clock);
    if (row.authorization != nullptr) {
      call.SetMetadata("authorization", row.authorization);
    }
    Caller caller;
    std::string who = refused;
    if (Authenticate(row.has_tokens ? keeper->get() : nullptr, nullptr,
                     row.method, call, row.certificate, &caller)) {
      who = caller.principal == nullptr ? "" : *caller.principal;
    }
    EXPECT_EQ(who, row.who) << "row " << number;
    ++number;
  }
}

TEST(AuthenticationTest, ACertificatesNameIsAPrincipals) {
  EXPECT_EQ(CertificatePrincipal("web-1.example"), "web-1.example");
  EXPECT_EQ(CertificatePrincipal(std::string(63, 'n')), std::string(63, 'n'));
  EXPECT_EQ(CertificatePrincipal(std::string(64, 'n')), "");
  for (const char* name : {"", "two words", "b\xc3\xb6", "\x7f"}) {
    EXPECT_EQ(CertificatePrincipal(name), "") << name;
  }
  EXPECT_EQ(CertificatePrincipal(std::string("a\0b", 3)), "");
}

TEST(AuthenticationTest, AnErrorHasNoHint) {
  const absl::Status status = UnauthenticatedError();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(status.message(), "this server wants a valid token");
}

}  // namespace
}  // namespace latchkey
