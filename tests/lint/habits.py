"""Smaller rules of the house, each a few lines.

  clock     only server/base/clock.cc reads the real clock in the server
  sleep     no test sleeps
  size      a file over 500 lines is a question; the answers stand below
  sources   a .cc file is named by the CMakeLists.txt of its folder, with or
            without its suffix, and no CMakeLists.txt globs, so that every file
            is built
  guard     the include guard says the path
  mutants   nothing but a test makes a mutant active, or hooks a sync point
"""

import re

from source import Finding, python_names

_REAL_CLOCK = re.compile(
    r"_clock::now\b|\bclock_gettime\b|\bgettimeofday\b|\btimespec_get\b|"
    r"\babsl::Now\b|\bGetCurrentTimeNanos\b|\bgpr_now\b|"
    r"(?<![\w.>:])(?:std::|::)?(?:time|clock)\s*\(\s*"
    r"(?:nullptr|NULL|0|&\w+)?\s*\)")
_CLOCK_FILE = "server/base/clock.cc"
# The gRPC library tells deadlines by its own clocks: the adapter translates.
_CLOCK_OF_LIBRARY = {"server/transport/grpc": r"gpr_now|system_clock::now"}

_CPP_SLEEP = re.compile(
    r"\bsleep_(for|until)\b|\bSleepFor\b|\b(u|nano|clock_nano)?sleep\s*\(")
_SHELL_SLEEP = re.compile(r"(^|[;&|(]|\bdo\b|\bthen\b)\s*sleep\b")

_MUTANT_MADE_ACTIVE = re.compile(
    r"\bScopedMutant\b|\bactive_mutant\b|\bScopedSyncHook\b|\bsync_hook\b")
_MUTANT_FILES = ("server/base/mutant.h", "server/base/sync_point.h")

_LINES_MAX = 500
# Files that may be longer, by how much, and why.  A number may only go down.
_LONGER = {
    # The contract in one file, about half of it comments.
    "proto/latchkey/v1/cache.proto": 562,
}


def check_clock(tree):
    for source in tree.cpp("server"):
        if source.path == _CLOCK_FILE:
            continue
        translated = _CLOCK_OF_LIBRARY.get(source.folder, "$.")
        for number, line in enumerate(source.code_lines, 1):
            line = re.sub(translated, "", line)
            match = _REAL_CLOCK.search(line)
            if match and not source.allows(number, "clock"):
                yield Finding(source.path, number, "clock",
                              f"{match.group().strip()}: time comes from the "
                              "Clock that is handed in; only "
                              f"{_CLOCK_FILE} reads the real one")


def check_sleep(tree):
    for source in tree.sources(("tests",)):
        for number in sorted(set(_sleeps(source))):
            if not source.allows(number, "sleep"):
                yield Finding(source.path, number, "sleep",
                              "a test waits for a condition, it does not "
                              "sleep (or: `lint: sleep allowed because ...`)")


def _sleeps(source):
    if source.path.endswith((".h", ".cc")):
        for number, line in enumerate(source.code_lines, 1):
            if _CPP_SLEEP.search(line):
                yield number
    elif source.path.endswith(".py"):
        for number, name in python_names(source.text):
            if name == "sleep":
                yield number
    elif source.lines[0].startswith("#!") and "sh" in source.lines[0]:
        for number, line in enumerate(source.lines, 1):
            if _SHELL_SLEEP.search(line.split(" #")[0]):
                yield number


def check_size(tree, longer=None):
    longer = _LONGER if longer is None else longer
    folders = ("server", "client", "proto", "tests", "deploy")
    for source in tree.sources(
            folders, (".h", ".cc", ".py", ".proto", ".txt", ".sh", "")):
        lines = source.text.count("\n")
        most = longer.get(source.path, _LINES_MAX)
        if lines > most:
            yield Finding(source.path, most + 1, "size",
                          f"{lines} lines; {most} is the most (divide it by "
                          "what its parts are for)")
        elif source.path in longer and lines <= _LINES_MAX:
            yield Finding(source.path, 1, "size",
                          "short again: take it out of tests/lint/habits.py")


def check_sources(tree):
    for cmake in tree.cmake():
        for number, line in enumerate(cmake.lines, 1):
            if re.search(r"\bfile\s*\(\s*GLOB|\baux_source_directory\b", line):
                yield Finding(cmake.path, number, "sources",
                              "name the sources; a glob hides what is built")
    for source in tree.sources(("server", "client", "tests"), (".cc",)):
        folder, name = source.folder, source.path.rpartition("/")[2]
        if not tree.has(f"{folder}/CMakeLists.txt"):
            yield Finding(source.path, 1, "sources",
                          "its folder has no CMakeLists.txt that builds it")
        elif not re.search(rf"(?<![\w/]){re.escape(name[:-3])}(\.cc)?(?![\w.])",
                           tree.source(f"{folder}/CMakeLists.txt").text):
            yield Finding(source.path, 1, "sources",
                          f"is not built: {folder}/CMakeLists.txt does not "
                          "name it")


def check_guard(tree):
    for source in tree.cpp():
        if not source.path.endswith(".h"):
            continue
        guard = "LATCHKEY_" + re.sub(r"\W", "_", source.path).upper() + "_"
        if not re.search(rf"#ifndef {guard}\n#define {guard}\n", source.text):
            yield Finding(source.path, 1, "guard",
                          f"the include guard is not {guard}")


def check_mutants(tree):
    for source in tree.cpp("server", "client"):
        if source.path in _MUTANT_FILES:
            continue
        for number, line in enumerate(source.code_lines, 1):
            if _MUTANT_MADE_ACTIVE.search(line):
                yield Finding(source.path, number, "mutants",
                              "nothing but a test makes a mutant active or hooks "
                              "a sync point")
