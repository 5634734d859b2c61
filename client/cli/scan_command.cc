#include <atomic>
#include <chrono>
#include <csignal>
#include <limits>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "client/cli/command_options.h"
#include "client/cli/commands.h"
#include "client/cli/message_format.h"
#include "client/cli/parse.h"
#include "client/cli/scan_progress.h"
#include "client/cli/text_codec.h"

namespace latchkey::client {
namespace {

// What a scan takes where no --timeout was given: how long it takes depends on
// the data, and its reader may be slow.
constexpr char kTimeout[] = "24h";

// Notes the first Ctrl-C while it lives, so that the scan can say how to go on;
// the second one ends the program.
//
// Thread safety: one at a time in a process.
class InterruptNote {
 public:
  explicit InterruptNote(bool enabled) : enabled_(enabled) {
    if (!enabled_) return;
    interrupted_ = false;
    struct sigaction action = {};
    action.sa_handler = [](int) { interrupted_ = true; };
    action.sa_flags = SA_RESETHAND | SA_RESTART;
    sigaction(SIGINT, &action, &before_);
  }
  ~InterruptNote() {
    if (enabled_) sigaction(SIGINT, &before_, nullptr);
  }

  InterruptNote(const InterruptNote&) = delete;
  InterruptNote& operator=(const InterruptNote&) = delete;

  bool interrupted() const { return enabled_ && interrupted_; }

 private:
  // The handler publishes nothing else.
  static inline std::atomic<bool> interrupted_ = false;
  static_assert(std::atomic<bool>::is_always_lock_free);

  const bool enabled_;
  struct sigaction before_ = {};
};

struct ScanCommand {
  TextOption prefix;
  bool keys_only = false;
  bool snapshot = false;
  TextOption limit;
  TextOption page_size;
  TextOption resume_token;

  absl::Status Fill(const Session& session, v1::ScanRequest& request,
                    uint64_t& entries_max) const {
    request.set_keys_only(keys_only);
    if (snapshot) request.set_consistency(v1::ScanRequest::SNAPSHOT);
    if (prefix.given()) {
      LATCHKEY_RETURN_IF_ERROR(
          Store(prefix, session.DecodeKey(prefix.text()),
                [&](const std::string& bytes) { request.set_prefix(bytes); }));
    }
    LATCHKEY_RETURN_IF_ERROR(StoreInteger<uint64_t>(
        limit, [&](uint64_t number) { entries_max = number; }));
    if (entries_max == 0) {
      return limit.Explain(absl::InvalidArgumentError("must be 1 or more"));
    }
    LATCHKEY_RETURN_IF_ERROR(StoreInteger<uint32_t>(
        page_size, [&](uint32_t size) { request.set_page_size(size); }));
    if (!resume_token.given()) return absl::OkStatus();
    return Store(
        resume_token, DecodeText(resume_token.text(), TextEncoding::kBase64),
        [&](const std::string& token) { request.set_resume_token(token); });
  }

  void PrintPage(Session& session, const v1::ScanResponse& page) const {
    if (session.json()) {
      session.PrintJson(page);
      return;
    }
    for (const v1::Entry& entry : page.entries()) {
      session.out() << EscapeForDisplay(entry.key());
      if (!keys_only) session.out() << '\t' << EscapeForDisplay(entry.value());
      session.out() << '\n';
    }
  }

  ExitCode Run(Session& session) const {
    v1::ScanRequest request;
    uint64_t entries_max = std::numeric_limits<uint64_t>::max();
    if (absl::Status status = Fill(session, request, entries_max);
        !status.ok()) {
      return session.UsageError(status);
    }
    if (!session.options().timeout_given) session.options().timeout = kTimeout;
    const InterruptNote interrupt(session.err_is_terminal());
    ScanProgress progress(session.progress_out(),
                          std::chrono::steady_clock::now());
    uint64_t printed = 0;
    bool enough = false;
    // Behind the last page that was printed whole.
    std::string token = request.resume_token();
    const auto on_page = [&](v1::ScanResponse page) {
      const uint64_t left = entries_max - printed;
      const bool cut = static_cast<uint64_t>(page.entries_size()) > left;
      if (cut) {
        page.mutable_entries()->DeleteSubrange(
            static_cast<int>(left),
            page.entries_size() - static_cast<int>(left));
        page.clear_resume_token();
      } else {
        token = page.resume_token();
      }
      printed += static_cast<uint64_t>(page.entries_size());
      progress.Clear();
      PrintPage(session, page);
      if (session.out_is_terminal()) session.out() << std::flush;
      progress.Update(printed, std::chrono::steady_clock::now());
      enough = printed == entries_max;
      return !enough && !interrupt.interrupted();
    };
    const ExitCode code = session.CallWith(
        "Scan", [&](Client& client, const CallOptions& options) {
          CallResult result = client.Scan(request, options, on_page);
          // The cancel was ours.
          return enough ? CallResult() : result;
        });
    if (code != ExitCode::kOk && !token.empty()) {
      session.Note(
          absl::StrCat("continue with --resume-token ", ToBase64(token)));
    }
    return code;
  }
};

}  // namespace

void AddScanCommand(CLI::App& program, Commands& commands) {
  CLI::App* app = program.add_subcommand(
      "scan",
      "Prints the entries whose key begins with a prefix, in no order.\n"
      "Lines as batch-get prints them; with --json one object for each "
      "message.\n"
      "Without --timeout it has 24 hours.  One that breaks or is interrupted "
      "says\n"
      "how to continue.  On a terminal, stderr shows how far it is.");
  auto options = std::make_shared<ScanCommand>();
  options->prefix.AddTo(*app, "PREFIX", "", "The prefix; without it all keys");
  app->add_flag("--keys-only", options->keys_only, "Leave out the values");
  app->add_flag("--snapshot", options->snapshot,
                "The entries of one moment, exactly; else each entry that is "
                "there throughout comes at least once");
  options->limit.AddTo(*app, "--limit", "NUMBER", "Stop after so many entries");
  options->page_size.AddTo(*app, "--page-size", "NUMBER",
                           "How many entries a message holds at most");
  options->resume_token.AddTo(*app, "--resume-token", "BASE64",
                              "Continue where an earlier scan stopped");
  app->footer(
      "Examples:\n"
      "  latchkey scan session: --keys-only\n"
      "  latchkey scan --snapshot --json > all.json");
  Register(commands, app, options);
}

}  // namespace latchkey::client
