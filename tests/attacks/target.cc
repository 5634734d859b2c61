#include "tests/attacks/target.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace latchkey {

Target::Target(const std::string& program, std::vector<std::string> arguments) {
  arguments.insert(arguments.end(),
                   {"--listen=127.0.0.1:0", "--http-listen=off"});
  auto started = ChildProcess::Start({.program = program,
                                      .arguments = std::move(arguments),
                                      .capture_errors = false});
  std::string line;
  if (started.ok()) {
    process_ = *std::move(started);
    line = process_->ReadLine();
  }
  if (!absl::SimpleAtoi(line.substr(line.rfind(':') + 1), &port_)) {
    std::fprintf(stderr, "%s does not serve: %s\n", program.c_str(),
                 line.c_str());
    std::exit(2);
  }
  rlimit limit;
  prlimit(process_->pid(), RLIMIT_NOFILE, nullptr, &limit);
  descriptors_max_ = limit.rlim_cur;
}

bool Target::Stop() {
  process_->Signal(SIGTERM);
  return process_->Wait() == 0;
}

std::string Target::Proc(const char* file) const {
  return absl::StrCat("/proc/", process_->pid(), "/", file);
}

int Target::Descriptors() const {
  std::error_code ignored;
  const std::filesystem::directory_iterator files(Proc("fd"), ignored);
  return static_cast<int>(std::distance(begin(files), end(files)));
}

void Target::LimitDescriptors(int more) {
  rlimit limit;
  prlimit(process_->pid(), RLIMIT_NOFILE, nullptr, &limit);
  limit.rlim_cur =
      more < 0 ? descriptors_max_ : static_cast<rlim_t>(Descriptors() + more);
  prlimit(process_->pid(), RLIMIT_NOFILE, &limit, nullptr);
}

void Target::ForgetPeak() { std::ofstream(Proc("clear_refs")) << "5"; }

int64_t Target::PeakBytes() const { return StatusBytes("VmHWM"); }

int64_t Target::ResidentBytes() const { return StatusBytes("VmRSS"); }

int64_t Target::StatusBytes(const std::string& field) const {
  std::ifstream status(Proc("status"));
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with(field + ":")) continue;
    return std::strtoll(line.c_str() + field.size() + 1, nullptr, 10) * 1024;
  }
  return 0;
}

Nanos Target::Cpu() const {
  std::ifstream stat(Proc("stat"));
  std::string text;
  std::getline(stat, text);
  unsigned long long user = 0;
  unsigned long long system = 0;
  // The name, in brackets, may hold anything.
  std::sscanf(text.c_str() + text.rfind(')') + 1,
              " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
              &system);
  return static_cast<Nanos>(user + system) * kNanosPerSecond /
         sysconf(_SC_CLK_TCK);
}

}  // namespace latchkey
