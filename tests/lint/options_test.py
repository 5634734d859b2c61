#!/usr/bin/env python3
"""Shows that the example file for latchkeyd agrees with its --help.

    tests/lint/options_test.py LATCHKEYD
"""

import pathlib
import re
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "deploy" / "latchkeyd.toml"
# What an option file cannot say.
ACTIONS = {"config", "help", "print-config", "version"}

latchkeyd = None


def run(*arguments):
    result = subprocess.run([latchkeyd, *arguments], env={}, timeout=60,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True, check=False)
    if result.returncode != 0:
        raise AssertionError(f"latchkeyd {' '.join(arguments)} exited with "
                             f"{result.returncode}:\n{result.stdout}")
    return result.stdout


def options_of_help():
    found = re.findall(r"^\s*(?:-\w,\s*)?--([a-z][a-z-]*)", run("--help"),
                       re.MULTILINE)
    if not found:
        raise AssertionError("no option in --help")
    return set(found)


class OptionsTest(unittest.TestCase):
    def test_the_example_file_has_every_option(self):
        named = re.findall(r"^(?:# )?([a-z][a-z-]*) = ", EXAMPLE.read_text(),
                           re.MULTILINE)
        self.assertEqual(sorted(named), sorted(options_of_help() - ACTIONS))

    def test_the_example_file_has_the_defaults(self):
        self.assertEqual(run("--config", str(EXAMPLE), "--print-config"),
                         run("--print-config"))


if __name__ == "__main__":
    latchkeyd = sys.argv.pop(1)
    unittest.main()
