#include "client/cli/completion.h"

#include <cstddef>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/text_codec.h"

namespace latchkey::client {
namespace {

struct OptionInfo {
  // Without their dashes.
  std::vector<std::string> long_names;
  std::vector<std::string> short_names;
  std::string description;
  bool takes_value = false;
};

struct CommandInfo {
  // The name and its aliases.
  std::vector<std::string> names;
  std::string description;
  std::vector<OptionInfo> options;
};

struct ProgramInfo {
  std::vector<OptionInfo> options;
  std::vector<CommandInfo> commands;
};

std::string FirstLine(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

std::vector<OptionInfo> DescribeOptions(const CLI::App& app) {
  std::vector<OptionInfo> options;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) continue;
    options.push_back({option->get_lnames(), option->get_snames(),
                       FirstLine(option->get_description()),
                       option->get_items_expected_max() > 0});
  }
  return options;
}

ProgramInfo Describe(const CLI::App& program) {
  ProgramInfo info;
  info.options = DescribeOptions(program);
  for (const CLI::App* app : program.get_subcommands({})) {
    CommandInfo command;
    command.names = {app->get_name()};
    command.names.insert(command.names.end(), app->get_aliases().begin(),
                         app->get_aliases().end());
    command.description = FirstLine(app->get_description());
    command.options = DescribeOptions(*app);
    info.commands.push_back(std::move(command));
  }
  return info;
}

std::vector<std::string> Dashed(const OptionInfo& option) {
  std::vector<std::string> names;
  for (const std::string& name : option.long_names) {
    names.push_back("--" + name);
  }
  for (const std::string& name : option.short_names) {
    names.push_back("-" + name);
  }
  return names;
}

// "name:description" for zsh.
void AppendChoice(const std::string& name, const std::string& description,
                  std::string& choices) {
  absl::StrAppend(&choices, "\n        ",
                  QuoteForShell(name + ":" + description));
}

void AppendOptionChoices(const std::vector<OptionInfo>& options,
                         std::string& choices) {
  for (const OptionInfo& option : options) {
    for (const std::string& name : Dashed(option)) {
      AppendChoice(name, option.description, choices);
    }
  }
}

void AppendOptionWords(const std::vector<OptionInfo>& options,
                       std::vector<std::string>& words) {
  for (const OptionInfo& option : options) {
    for (std::string& name : Dashed(option)) words.push_back(std::move(name));
  }
}

std::string AllNames(const ProgramInfo& info, const char* separator) {
  std::vector<std::string> names;
  for (const CommandInfo& command : info.commands) {
    names.insert(names.end(), command.names.begin(), command.names.end());
  }
  return absl::StrJoin(names, separator);
}

void AppendFishOptions(const std::vector<OptionInfo>& options,
                       const std::string& condition, std::string& script) {
  for (const OptionInfo& option : options) {
    absl::StrAppend(&script, "complete -c latchkey", condition);
    for (const std::string& name : option.long_names) {
      absl::StrAppend(&script, " -l ", name);
    }
    for (const std::string& name : option.short_names) {
      absl::StrAppend(&script, " -s ", name);
    }
    absl::StrAppend(&script, option.takes_value ? " -r" : "", " -d ",
                    QuoteForShell(option.description), "\n");
  }
}

}  // namespace

std::string BashCompletion(const CLI::App& program) {
  const ProgramInfo info = Describe(program);
  std::vector<std::string> global;
  AppendOptionWords(info.options, global);
  std::string cases;
  for (const CommandInfo& command : info.commands) {
    std::vector<std::string> words = global;
    AppendOptionWords(command.options, words);
    absl::StrAppend(&cases, "    ", absl::StrJoin(command.names, "|"),
                    ") choices=", QuoteForShell(absl::StrJoin(words, " ")),
                    " ;;\n");
  }
  return absl::StrCat(
      "# Loaded by: source <(latchkey completion bash)\n"
      "_latchkey() {\n"
      "  local command= choices= word\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    case $word in\n"
      "      ",
      AllNames(info, "|"),
      ") command=$word; break ;;\n"
      "    esac\n"
      "  done\n"
      "  case $command in\n"
      "    '') choices=",
      QuoteForShell(AllNames(info, " ") + " " + absl::StrJoin(global, " ")),
      " ;;\n", cases,
      "  esac\n"
      "  mapfile -t COMPREPLY < <(\n"
      "    compgen -W \"$choices\" -- \"${COMP_WORDS[COMP_CWORD]}\")\n"
      "}\n"
      // Where no word fits, a file may.
      "complete -o default -F _latchkey latchkey\n");
}

std::string ZshCompletion(const CLI::App& program) {
  const ProgramInfo info = Describe(program);
  std::string global;
  AppendOptionChoices(info.options, global);
  std::string names;
  std::string cases;
  for (const CommandInfo& command : info.commands) {
    std::string choices;
    AppendOptionChoices(command.options, choices);
    absl::StrAppend(&cases, "    (", absl::StrJoin(command.names, "|"),
                    ") choices=(", choices, global, "\n      ) ;;\n");
    for (const std::string& name : command.names) {
      AppendChoice(name, command.description, names);
    }
  }
  return absl::StrCat(
      "#compdef latchkey\n"
      "# Loaded by: source <(latchkey completion zsh)\n"
      "_latchkey() {\n"
      "  local command= word\n"
      "  local -a choices\n"
      "  for word in ${words[2,CURRENT-1]}; do\n"
      "    case $word in\n"
      "      (",
      AllNames(info, "|"),
      ") command=$word; break ;;\n"
      "    esac\n"
      "  done\n"
      "  case $command in\n"
      "    ('') choices=(",
      names, global, "\n      ) ;;\n", cases,
      "  esac\n"
      "  _describe latchkey choices || _files\n"
      "}\n"
      "if [[ $funcstack[1] == _latchkey ]]; then\n"
      "  _latchkey \"$@\"\n"
      "else\n"
      "  compdef _latchkey latchkey\n"
      "fi\n");
}

std::string FishCompletion(const CLI::App& program) {
  const ProgramInfo info = Describe(program);
  std::string script = "# Loaded by: latchkey completion fish | source\n";
  AppendFishOptions(info.options, "", script);
  for (const CommandInfo& command : info.commands) {
    for (const std::string& name : command.names) {
      absl::StrAppend(&script, "complete -c latchkey -n __fish_use_subcommand",
                      " -f -a ", name, " -d ",
                      QuoteForShell(command.description), "\n");
    }
    const std::string seen = absl::StrCat("__fish_seen_subcommand_from ",
                                          absl::StrJoin(command.names, " "));
    AppendFishOptions(command.options, " -n " + QuoteForShell(seen), script);
  }
  return script;
}

}  // namespace latchkey::client
