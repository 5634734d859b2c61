// The options that several commands share.  Each class declares its options to
// a command before the command line is parsed, and afterwards fills the part of
// the request they stand for.
//
// Texts are parsed here and not by CLI11, whose numbers know octal and whose
// optional strings cannot be empty.
//
// Thread safety: none; the objects must outlive the parse.
//
// Example:
//   ExpirationOptions expiration;
//   expiration.AddTo(*command);
//   ...
//   if (expiration.given()) {
//     LATCHKEY_RETURN_IF_ERROR(expiration.Fill(*request.mutable_expiration()));
//   }

#ifndef LATCHKEY_CLIENT_CLI_COMMAND_OPTIONS_H_
#define LATCHKEY_CLIENT_CLI_COMMAND_OPTIONS_H_

#include <CLI/App.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/parse.h"
#include "client/cli/session.h"
#include "latchkey/v1/cache.pb.h"

// Leaves the function with the status of `expression` unless it is OK.
#define LATCHKEY_RETURN_IF_ERROR(expression)              \
  do {                                                    \
    if (absl::Status status_of_expression = (expression); \
        !status_of_expression.ok()) {                     \
      return status_of_expression;                        \
    }                                                     \
  } while (false)

namespace latchkey::client {

// A UUID in its text form, not in the 16 bytes that the client library would
// make: the user may have to read it, and to give it to get-outcome.
std::string NewIdempotencyKey();

// An option or positional that takes one text, which may be empty.
class TextOption {
 public:
  CLI::Option* AddTo(CLI::App& command, const std::string& name,
                     const std::string& type, const std::string& description);

  bool given() const { return option_->count() > 0; }
  const std::string& text() const { return text_; }

  // `status` with the option's name before its message.
  absl::Status Explain(const absl::Status& status) const;

 private:
  std::string text_;
  CLI::Option* option_ = nullptr;
};

// Stores what `parsed` holds with `setter`, or explains why it holds nothing.
template <typename Value, typename Setter>
absl::Status Store(const TextOption& option,
                   const absl::StatusOr<Value>& parsed, Setter setter) {
  if (!parsed.ok()) return option.Explain(parsed.status());
  setter(*parsed);
  return absl::OkStatus();
}

// Stores the number of `option`, where it was given.
template <typename Integer, typename Setter>
absl::Status StoreInteger(const TextOption& option, Setter setter) {
  if (!option.given()) return absl::OkStatus();
  return Store(option, ParseInteger<Integer>(option.text()), setter);
}

// --ttl, --expire-at, --keep-ttl, --persist: at most one.
class ExpirationOptions {
 public:
  void AddTo(CLI::App& command);
  bool given() const;
  // An empty message, which is "never", for --persist and for none.
  absl::Status Fill(v1::Expiration& expiration) const;

 private:
  TextOption ttl_;
  TextOption expire_at_;
  bool keep_ = false;
  bool persist_ = false;
};

// --if-exists, --if-missing, --if-version, --if-value: at most one.
class PreconditionOptions {
 public:
  // `of` comes first in the names: "source-" makes --source-if-exists.
  void AddTo(CLI::App& command, const std::string& of = "");
  bool given() const;
  absl::Status Fill(const Session& session,
                    v1::Precondition& precondition) const;

 private:
  TextOption version_;
  TextOption value_;
  bool exists_ = false;
  bool missing_ = false;
};

// A value: an argument, --file PATH, or "-" for the input.
class ValueOptions {
 public:
  void AddTo(CLI::App& command);
  absl::StatusOr<std::string> Read(Session& session) const;

 private:
  TextOption value_;
  TextOption file_;
};

// --idempotency-key.
class IdempotencyOption {
 public:
  void AddTo(CLI::App& command);

  // A request that has no key, not from its file either, gets one of its own.
  template <typename Request>
  void Fill(Request& request) const {
    if (key_.given()) {
      request.set_idempotency_key(key_.text());
    } else if (request.idempotency_key().empty()) {
      request.set_idempotency_key(NewIdempotencyKey());
    }
  }

 private:
  TextOption key_;
};

// One key, required.
class KeyOption {
 public:
  void AddTo(CLI::App& command, const std::string& name = "KEY",
             const std::string& description = "The key");

  // Decodes the key and hands it to `setter`.
  template <typename Setter>
  absl::Status Fill(const Session& session, Setter setter) const {
    return Store(key_, session.DecodeKey(key_.text()), setter);
  }

 private:
  TextOption key_;
};

// As many texts as are given, at most 10,000: the keys that a BatchGet may
// have.
CLI::Option* AddTextList(CLI::App& command, std::vector<std::string>& texts,
                         const std::string& name,
                         const std::string& description);

}  // namespace latchkey::client

#endif  // LATCHKEY_CLIENT_CLI_COMMAND_OPTIONS_H_
