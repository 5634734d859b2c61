// verify-histories writes histories of real threads, retries and duplicates
// over the store (direct_run.h) as files for checkers in other languages
// (client/verify/history_file.h).

#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "client/verify/history_file.h"
#include "tests/verify/direct_run.h"

namespace latchkey::verify {
namespace {

// So few that each is in hundreds of operations.
constexpr load::VerifyKeyCounts kKeys = {.data = 6,
                                         .movable = 3,
                                         .accounts = 2,
                                         .missing_accounts = 1,
                                         .counters = 2};

struct Options {
  std::string directory;
  uint64_t count = 60;
  uint64_t seed = 1;
  uint64_t operations = 5'500;
  size_t threads = 4;
};

// Whether our own checkers found nothing.
bool WriteHistory(const Options& options, uint64_t seed) {
  const std::string path =
      options.directory + "/history-" + std::to_string(seed) + ".jsonl";
  std::ofstream out(path);
  HistoryFile file(out);
  DirectRun run({.engine = {.threads = options.threads, .seed = seed},
                 .keys = kKeys,
                 .file = &file});
  run.Round(options.operations);
  out.close();
  std::fputs(run.Findings().ToString().c_str(), stderr);
  if (!out) std::fprintf(stderr, "%s: cannot be written\n", path.c_str());
  return run.ok() && out;
}

int Main(int argc, char** argv) {
  Options options;
  CLI::App app("Writes histories of the store under a bad network, one a file");
  app.add_option("directory", options.directory, "Where to, made if need be")
      ->required();
  app.add_option("--count", options.count, "How many")->capture_default_str();
  app.add_option("--seed", options.seed, "Of the first; the others follow it")
      ->capture_default_str();
  app.add_option("--operations", options.operations, "Of one history")
      ->capture_default_str();
  app.add_option("--threads", options.threads, "That send at a time")
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  std::filesystem::create_directories(options.directory);
  bool good = true;
  for (uint64_t i = 0; i < options.count; ++i) {
    good = WriteHistory(options, options.seed + i) && good;
  }
  return good ? 0 : 1;
}

}  // namespace
}  // namespace latchkey::verify

int main(int argc, char** argv) { return latchkey::verify::Main(argc, argv); }
