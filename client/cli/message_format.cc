#include "client/cli/message_format.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/util/time_util.h>

#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "client/cli/text_codec.h"

namespace latchkey::client {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::util::TimeUtil;
using nlohmann::ordered_json;

// One value of a field: element `index` of a repeated one, or the only one.
struct FieldValue {
  const Message& message;
  const FieldDescriptor& field;
  int index;

  template <typename Single, typename Repeated>
  auto Read(Single single, Repeated repeated) const {
    const Reflection& reflection = *message.GetReflection();
    return field.is_repeated() ? (reflection.*repeated)(message, &field, index)
                               : (reflection.*single)(message, &field);
  }

  const Message& AsMessage() const {
    const Reflection& reflection = *message.GetReflection();
    return field.is_repeated()
               ? reflection.GetRepeatedMessage(message, &field, index)
               : reflection.GetMessage(message, &field);
  }
};

// The text of a field that is not a message; bytes as they are.
std::string ScalarText(const FieldValue& value) {
  switch (value.field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return std::to_string(
          value.Read(&Reflection::GetInt32, &Reflection::GetRepeatedInt32));
    case FieldDescriptor::CPPTYPE_INT64:
      return std::to_string(
          value.Read(&Reflection::GetInt64, &Reflection::GetRepeatedInt64));
    case FieldDescriptor::CPPTYPE_UINT32:
      return std::to_string(
          value.Read(&Reflection::GetUInt32, &Reflection::GetRepeatedUInt32));
    case FieldDescriptor::CPPTYPE_UINT64:
      return std::to_string(
          value.Read(&Reflection::GetUInt64, &Reflection::GetRepeatedUInt64));
    case FieldDescriptor::CPPTYPE_BOOL:
      return value.Read(&Reflection::GetBool, &Reflection::GetRepeatedBool)
                 ? "true"
                 : "false";
    case FieldDescriptor::CPPTYPE_ENUM:
      return value.Read(&Reflection::GetEnum, &Reflection::GetRepeatedEnum)
          ->name();
    case FieldDescriptor::CPPTYPE_STRING:
      return value.Read(&Reflection::GetString, &Reflection::GetRepeatedString);
    default:
      // The API has no floating-point numbers.
      return "";
  }
}

// The text of the messages that have a form of their own; nothing for others.
std::string WellKnownText(const Message& message) {
  const std::string& name = message.GetDescriptor()->full_name();
  if (name == "google.protobuf.Timestamp") {
    google::protobuf::Timestamp time;
    time.CopyFrom(message);
    return TimeUtil::ToString(time);
  }
  if (name == "google.protobuf.Duration") {
    google::protobuf::Duration duration;
    duration.CopyFrom(message);
    return TimeUtil::ToString(duration);
  }
  return "";
}

ordered_json ValueToJson(const FieldValue& value) {
  switch (value.field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      const std::string text = WellKnownText(value.AsMessage());
      return text.empty() ? MessageToJson(value.AsMessage())
                          : ordered_json(text);
    }
    case FieldDescriptor::CPPTYPE_BOOL:
      return value.Read(&Reflection::GetBool, &Reflection::GetRepeatedBool);
    case FieldDescriptor::CPPTYPE_INT32:
      return value.Read(&Reflection::GetInt32, &Reflection::GetRepeatedInt32);
    case FieldDescriptor::CPPTYPE_UINT32:
      return value.Read(&Reflection::GetUInt32, &Reflection::GetRepeatedUInt32);
    default:
      return value.field.type() == FieldDescriptor::TYPE_BYTES
                 ? ToBase64(ScalarText(value))
                 : ScalarText(value);
  }
}

// The name of the field's value in ValueToJson's form.
std::string JsonName(const FieldDescriptor& field) {
  return field.type() == FieldDescriptor::TYPE_BYTES ? field.name() + "_base64"
                                                     : field.name();
}

void AddSingleField(const FieldValue& value, ordered_json& json) {
  const FieldDescriptor& field = value.field;
  const bool set =
      !field.has_presence() ||
      value.message.GetReflection()->HasField(value.message, &field);
  if (!set) {
    if (field.containing_oneof() == nullptr) json[field.name()] = nullptr;
    return;
  }
  json[JsonName(field)] = ValueToJson(value);
  if (field.type() == FieldDescriptor::TYPE_BYTES) {
    const std::string bytes = ScalarText(value);
    if (IsUtf8(bytes)) json[field.name() + "_text"] = bytes;
  }
}

void AppendLine(const std::string& path, std::string_view value,
                std::string& lines) {
  lines += path;
  lines += '=';
  lines += EscapeForDisplay(value);
  lines += '\n';
}

void AppendLines(const Message& message, const std::string& prefix,
                 std::string& lines);

void AppendFieldLines(const FieldValue& value, const std::string& path,
                      std::string& lines) {
  if (value.field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
    AppendLine(path, ScalarText(value), lines);
    return;
  }
  const std::string text = WellKnownText(value.AsMessage());
  if (text.empty()) {
    AppendLines(value.AsMessage(), path + ".", lines);
  } else {
    AppendLine(path, text, lines);
  }
}

void AppendLines(const Message& message, const std::string& prefix,
                 std::string& lines) {
  const Reflection& reflection = *message.GetReflection();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor& field = *message.GetDescriptor()->field(i);
    const std::string path = prefix + field.name();
    if (field.is_repeated()) {
      for (int k = 0; k < reflection.FieldSize(message, &field); ++k) {
        AppendFieldLines({message, field, k},
                         path + "[" + std::to_string(k) + "]", lines);
      }
    } else if (!field.has_presence() || reflection.HasField(message, &field)) {
      AppendFieldLines({message, field, 0}, path, lines);
    }
  }
}

// `text` as a word of a command.
std::string ShellWord(const std::string& text) {
  constexpr char kPlain[] =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz%+,-./:@_";
  const bool plain = text.find_first_not_of(kPlain) == std::string::npos;
  return plain ? text : QuoteForShell(text);
}

// What to type to ask for the outcome of the write of `result`.
std::string AskOutcomeCommand(const CallResult& result,
                              std::span<const std::string> options) {
  std::string command = "latchkey get-outcome ";
  for (const std::string& word : options) command += ShellWord(word) + " ";
  if (!result.stamp.empty()) {
    command += "--stamp=" + ShellWord(EscapeForDisplay(result.stamp)) + " ";
  }
  const std::string shown = EscapeForDisplay(result.idempotency_key);
  if (shown != result.idempotency_key) command += "--key-encoding escaped ";
  if (shown[0] == '-') command += "-- ";
  return command + ShellWord(shown);
}

}  // namespace

ordered_json MessageToJson(const Message& message) {
  ordered_json json = ordered_json::object();
  const Reflection& reflection = *message.GetReflection();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor& field = *message.GetDescriptor()->field(i);
    if (!field.is_repeated()) {
      AddSingleField({message, field, 0}, json);
      continue;
    }
    ordered_json list = ordered_json::array();
    for (int k = 0; k < reflection.FieldSize(message, &field); ++k) {
      list.push_back(ValueToJson({message, field, k}));
    }
    json[JsonName(field)] = std::move(list);
  }
  return json;
}

ordered_json ErrorToJson(const CallResult& result) {
  const CallError& error = result.error;
  const bool unknown = result.outcome == Outcome::kUnknown;
  return {{"error",
           {{"code", error.code_name},
            {"reason", error.reason},
            {"message", error.message},
            {"field", error.field},
            {"metadata", ordered_json(error.metadata)},
            {"outcome", unknown ? "unknown" : "not_applied"},
            {"idempotency_key", result.idempotency_key},
            {"stamp", result.stamp},
            {"attempts", result.attempts}}}};
}

std::string MessageToLines(const Message& message) {
  std::string lines;
  AppendLines(message, "", lines);
  return lines;
}

std::string ErrorToText(const CallError& error) {
  std::string text = error.code_name;
  if (!error.reason.empty()) text += " " + error.reason;
  text += ": " + error.message;
  std::string_view separator = " (";
  for (const auto& [name, value] : error.metadata) {
    text += separator;
    text += name + "=" + value;
    separator = ", ";
  }
  if (!error.metadata.empty()) text += ")";
  return EscapeForDisplay(text);
}

std::string OutcomeToText(const CallResult& result,
                          std::span<const std::string> options) {
  const std::string& key = result.idempotency_key;
  if (result.outcome != Outcome::kUnknown) {
    return key.empty() ? "" : "not applied: this command changed nothing";
  }
  std::string text = "outcome unknown: it may have been applied";
  if (!key.empty())
    text += "; ask `" + AskOutcomeCommand(result, options) + "`";
  return text;
}

std::string DumpJson(const ordered_json& json) {
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace latchkey::client
