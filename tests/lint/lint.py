#!/usr/bin/env python3
"""Checks the rules of the house that no compiler checks.

    tests/lint/lint.py [ROOT]

Prints one line for each finding and exits 1 when there is one.  Each rule is
described where it stands: rooms.py, locks.py, habits.py.  lint_test.py shows
that each of them reports what it should.
"""

import pathlib
import sys

import habits
import locks
import rooms
from source import Tree

RULES = (
    rooms.check,
    locks.check_locks,
    locks.check_mutexes,
    habits.check_clock,
    habits.check_sleep,
    habits.check_size,
    habits.check_sources,
    habits.check_guard,
    habits.check_mutants,
)


def main(arguments):
    root = pathlib.Path(__file__).resolve().parents[2]
    if len(arguments) > 1:
        root = pathlib.Path(arguments[1])
    tree = Tree(root)
    if not any(tree.cpp()):
        print(f"lint: no C++ files below {root}", file=sys.stderr)
        return 2
    findings = [finding for rule in RULES for finding in rule(tree)]
    for finding in sorted(findings, key=lambda f: (f.path, f.line)):
        print(finding)
    print(f"lint: {len(RULES)} rules, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
