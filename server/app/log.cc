#include "server/app/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/transport/grpc/grpc_log.h"

namespace latchkey {
namespace {

// Set once, by StartLog(), before other threads log; relaxed is enough.
std::atomic<bool> json_lines = false;

constexpr char kTextPattern[] = "%Y-%m-%dT%H:%M:%S.%eZ level=%l %v";
constexpr char kJsonPattern[] =
    R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})";

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      break;
  }
  return spdlog::level::err;
}

// `text` as a JSON string.  Bytes that are not ASCII become '?': JSON has to be
// UTF-8, and nothing of ours is anything else.
std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += {'\\', c};
    } else if (byte < 0x20) {
      absl::StrAppendFormat(&quoted, "\\u%04x", byte);
    } else {
      quoted += byte < 0x7f ? c : '?';
    }
  }
  return quoted + "\"";
}

void LogGrpc(GrpcLogLevel level, const char* message) {
  // Most of what the library calls an error is a peer that went away.
  Log(level == GrpcLogLevel::kError ? LogLevel::kWarning : LogLevel::kDebug,
      "grpc", {{"message", message}});
}

}  // namespace

void StartLog(const ServerOptions& options) {
  json_lines.store(options.log_format == "json", std::memory_order_relaxed);
  auto logger = std::make_shared<spdlog::logger>(
      "latchkeyd", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern(
      options.log_format == "json" ? kJsonPattern : kTextPattern,
      spdlog::pattern_time_type::utc);
  logger->set_level(spdlog::level::from_str(options.log_level));
  spdlog::set_default_logger(std::move(logger));
  SetGrpcLogSink(LogGrpc);
}

void Log(LogLevel level, std::string_view event,
         std::initializer_list<LogField> fields) {
  const spdlog::level::level_enum spdlog_level = ToSpdlog(level);
  if (!spdlog::should_log(spdlog_level)) return;
  spdlog::default_logger_raw()->log(
      spdlog_level, "{}",
      FormatLogLine(json_lines.load(std::memory_order_relaxed), event, fields));
}

std::string FormatLogLine(bool json, std::string_view event,
                          std::initializer_list<LogField> fields) {
  std::string line = json ? "\"event\":" + Quoted(event)
                          : absl::StrCat("event=", std::string(event));
  for (const auto& [name, value] : fields) {
    if (json) {
      absl::StrAppend(&line, ",", Quoted(name), ":", Quoted(value));
    } else {
      absl::StrAppend(&line, " ", std::string(name), "=", Quoted(value));
    }
  }
  return line;
}

}  // namespace latchkey
