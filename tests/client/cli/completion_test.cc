#include "client/cli/completion.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "tests/client/cli/cli_fixture.h"

namespace latchkey::client {
namespace {

// What bash offers for the last of `words`.
std::string CompleteInBash(const std::string& words) {
  const std::string path = ::testing::TempDir() + "latchkey_completion.bash";
  std::ofstream(path) << RunProgram({"completion", "bash"}).out
                      << "COMP_WORDS=(" << words << ")\n"
                      << "COMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n"
                      << "_latchkey && echo \"${COMPREPLY[*]}\"\n";
  FILE* bash = popen(("bash --norc " + path + " 2>&1").c_str(), "r");
  std::string output;
  for (int letter; (letter = fgetc(bash)) != EOF;) {
    output += static_cast<char>(letter);
  }
  EXPECT_EQ(pclose(bash), 0);
  std::remove(path.c_str());
  return output;
}

TEST(CompletionTest, BashCompletesCommands) {
  EXPECT_EQ(CompleteInBash("latchkey batch-"),
            "batch-get batch-put batch-delete\n");
}

TEST(CompletionTest, BashCompletesOptionsOfTheCommand) {
  EXPECT_EQ(CompleteInBash("latchkey get key --if"), "--if-version-not\n");
  EXPECT_EQ(CompleteInBash("latchkey --json put --ti"), "--timeout\n");
  EXPECT_EQ(CompleteInBash("latchkey mget --ato"), "--atomic\n");
}

TEST(CompletionTest, FollowsTheProgram) {
  CLI::App program("A program.");
  bool global = false;
  program.add_flag("-g,--global", global, "Global, isn't it?");
  CLI::App* command = program.add_subcommand("act", "Acts.\nAt length.");
  command->alias("do");
  std::string text;
  command->add_option("--with", text, "With what");
  command->add_option("THING", text, "A positional has no name to complete");

  const std::string bash = BashCompletion(program);
  EXPECT_NE(bash.find("act|do) choices='-"), std::string::npos) << bash;
  EXPECT_NE(bash.find("--with"), std::string::npos);
  EXPECT_EQ(bash.find("THING"), std::string::npos);

  const std::string zsh = ZshCompletion(program);
  EXPECT_NE(zsh.find("'do:Acts.'"), std::string::npos) << zsh;
  EXPECT_NE(zsh.find("'--global:Global, isn'\\''t it?'"), std::string::npos);
  EXPECT_NE(zsh.find("'--with:With what'"), std::string::npos);

  const std::string fish = FishCompletion(program);
  EXPECT_NE(fish.find("complete -c latchkey -l global -s g -d "),
            std::string::npos)
      << fish;
  EXPECT_NE(fish.find("complete -c latchkey -n "
                      "'__fish_seen_subcommand_from act do'"
                      " -l with -r -d 'With what'\n"),
            std::string::npos);
}

TEST(CompletionTest, KnowsThreeShells) {
  for (const std::string shell : {"bash", "zsh", "fish"}) {
    const CliResult result = RunProgram({"completion", shell});
    EXPECT_EQ(result.exit_code, 0) << shell;
    EXPECT_NE(result.out.find("transact"), std::string::npos) << shell;
  }
  EXPECT_EQ(RunProgram({"completion", "tcsh"}).exit_code, 2);
}

}  // namespace
}  // namespace latchkey::client
