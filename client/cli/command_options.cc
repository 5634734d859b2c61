#include "client/cli/command_options.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "client/lib/clock.h"
#include "client/lib/key_generator.h"
#include "client/lib/random.h"

namespace latchkey::client {
namespace {

constexpr int kTextsMax = 10'000;

}  // namespace

std::string NewIdempotencyKey() {
  const SystemClock clock;
  SystemRandom random;
  return UuidText(KeyGenerator(clock, random).Next());
}

CLI::Option* TextOption::AddTo(CLI::App& command, const std::string& name,
                               const std::string& type,
                               const std::string& description) {
  option_ = command.add_option(name, text_, description)->type_name(type);
  return option_;
}

absl::Status TextOption::Explain(const absl::Status& status) const {
  return absl::Status(
      status.code(), absl::StrCat(option_->get_name(), ": ", status.message()));
}

void ExpirationOptions::AddTo(CLI::App& command) {
  const std::string group = "Expiry, at most one";
  ttl_.AddTo(command, "--ttl", "DURATION",
             "Expires this long after the write: 300ms, 30s, 1h30m, 7d")
      ->group(group);
  expire_at_
      .AddTo(command, "--expire-at", "TIME",
             "Expires at this instant: 2030-01-31T12:00:00Z")
      ->group(group);
  command.add_flag("--keep-ttl", keep_, "An existing entry keeps its expiry")
      ->group(group);
  command.add_flag("--persist", persist_, "Never expires")->group(group);
}

bool ExpirationOptions::given() const {
  return ttl_.given() || expire_at_.given() || keep_ || persist_;
}

absl::Status ExpirationOptions::Fill(v1::Expiration& expiration) const {
  if (ttl_.given() + expire_at_.given() + keep_ + persist_ > 1) {
    return absl::InvalidArgumentError(
        "at most one of --ttl, --expire-at, --keep-ttl and --persist");
  }
  if (keep_) expiration.set_keep(true);
  if (ttl_.given()) {
    return Store(ttl_, ParseProtoDuration(ttl_.text()),
                 [&](const auto& ttl) { *expiration.mutable_ttl() = ttl; });
  }
  if (expire_at_.given()) {
    return Store(
        expire_at_, ParseProtoTimestamp(expire_at_.text()),
        [&](const auto& time) { *expiration.mutable_expire_time() = time; });
  }
  return absl::OkStatus();
}

void PreconditionOptions::AddTo(CLI::App& command, const std::string& of) {
  const std::string group =
      of.empty() ? "Precondition, at most one"
                 : absl::StrCat("Precondition of the ",
                                of.substr(0, of.size() - 1), ", at most one");
  const std::string prefix = "--" + of + "if-";
  command.add_flag(prefix + "exists", exists_, "The key must exist")
      ->group(group);
  command.add_flag(prefix + "missing", missing_, "The key must not exist")
      ->group(group);
  version_
      .AddTo(command, prefix + "version", "VERSION",
             "The key must have this version")
      ->group(group);
  value_
      .AddTo(command, prefix + "value", "VALUE", "The key must have this value")
      ->group(group);
}

bool PreconditionOptions::given() const {
  return exists_ || missing_ || version_.given() || value_.given();
}

absl::Status PreconditionOptions::Fill(const Session& session,
                                       v1::Precondition& precondition) const {
  if (exists_ + missing_ + version_.given() + value_.given() > 1) {
    return absl::InvalidArgumentError("at most one precondition for a key");
  }
  if (exists_) precondition.set_exists(true);
  if (missing_) precondition.set_exists(false);
  if (value_.given()) {
    return Store(value_, session.DecodeValue(value_.text()),
                 [&](const auto& value) { precondition.set_value(value); });
  }
  return StoreInteger<uint64_t>(
      version_, [&](uint64_t version) { precondition.set_version(version); });
}

void ValueOptions::AddTo(CLI::App& command) {
  value_.AddTo(command, "VALUE", "",
               "The value; - reads it from the input (or use --file)");
  file_.AddTo(command, "-f,--file", "PATH",
              "Reads the value from a file; - is the input");
}

absl::StatusOr<std::string> ValueOptions::Read(Session& session) const {
  if (value_.given() == file_.given()) {
    return absl::InvalidArgumentError("exactly one of VALUE and --file");
  }
  if (file_.given()) return session.ReadAll(file_.text());
  if (value_.text() == "-") return session.ReadAll("-");
  return session.DecodeValue(value_.text());
}

void IdempotencyOption::AddTo(CLI::App& command) {
  key_.AddTo(command, "--idempotency-key", "TEXT",
             "Makes the write take effect once however often it is sent within "
             "the server's window; default: a new UUID")
      // For the server that would be none.
      ->check([](const std::string& key) {
        return key.empty() ? "must not be empty" : "";
      });
}

void KeyOption::AddTo(CLI::App& command, const std::string& name,
                      const std::string& description) {
  key_.AddTo(command, name, "", description)->required();
}

CLI::Option* AddTextList(CLI::App& command, std::vector<std::string>& texts,
                         const std::string& name,
                         const std::string& description) {
  // Not the open-ended list that CLI11 makes by itself: that one takes "[a,b]"
  // for two texts.
  return command.add_option(name, texts, description)
      ->type_name("")
      ->option_text("...")
      ->expected(kTextsMax)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
}

}  // namespace latchkey::client
