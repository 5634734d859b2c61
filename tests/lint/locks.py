"""The lock rules that a text can show.  The rank check (server/base/mutex.h)
and the thread-safety annotations show the rest.

  locks     only MultiShardLock takes a second shard mutex: no other class can
            reach a shard's mutex, no function takes a ShardLock or a
            MultiShardLock inside the scope of another, and neither is kept
            longer than a scope.  No mutex is locked by hand or handed out.
  mutexes   every mutex in the server is a latchkey::Mutex, so that it has a
            rank, and is named in server/store/LOCKING.md as Class::member.
"""

import re

from source import Finding

LOCKING_NOTE = "server/store/LOCKING.md"
_MUTEX_CLASS = ("server/base/mutex.h", "server/base/mutex.cc")
_SHARD = "server/store/shard.h"
_MULTI = ("server/store/multi_shard_lock.h", "server/store/multi_shard_lock.cc")

# The only two that may name a shard's mutex.
_SHARD_FRIENDS = {"MultiShardLock", "ShardLock"}

_FOREIGN_MUTEX = re.compile(
    r"\b(std::(recursive_|shared_|timed_)*mutex|absl::Mutex|pthread_mutex_t|"
    r"pthread_rwlock_t|std::shared_timed_mutex)\b")
_BY_HAND = re.compile(r"\bmutex\w*(\.|->)(Lock|Unlock)\s*\(")
_HANDED_OUT = re.compile(r"(?<!\w)Mutex\s*[&*]\s*\w+\s*\(\s*\)")
_NO_ANALYSIS = re.compile(r"\bABSL_NO_THREAD_SAFETY_ANALYSIS\b")
# `ShardLock lock(...)`; beside a reference to one, the only use of the names
# outside their own files.
_LOCK_SCOPE = re.compile(r"\b(?:ShardLock|MultiShardLock)\s+\w+\s*[({]")
_FRIEND = re.compile(r"\bfriend\s+(?:class|struct)?\s*(\w+)")
_MEMBER = re.compile(
    r"^\s*(?:mutable\s+|static\s+|inline\s+|alignas\(\w+\)\s+)*"
    r"(?:latchkey::)?Mutex\s+(\w+)\s*(?:ABSL_\w+\([^)]*\)\s*)?[;{=(]")
_CLASS = re.compile(
    r"\b(?:class|struct)\s+(?:\[\[\w+\]\]\s*|ABSL_\w+\s+|alignas\([^)]*\)\s+)*"
    r"(?:\w+::)*(\w+)[^;(){}]*$")


def check_locks(tree):
    for source in tree.cpp("server"):
        if source.path in _MUTEX_CLASS:
            continue
        own = source.path in (_SHARD, *_MULTI)
        for number, line in enumerate(source.code_lines, 1):
            for pattern, message in (
                    (_BY_HAND, "a mutex is locked by a scope, not by hand"),
                    (_HANDED_OUT, "a class hands out no mutex"),
                    (_NO_ANALYSIS, "only MultiShardLock switches the analysis "
                                   "off")):
                if pattern.search(line) and not own:
                    yield Finding(source.path, number, "locks", message)
        if source.path == _SHARD:
            yield from _check_friends(source)
        elif not own:
            yield from _check_second_shard(source)


def _check_friends(source):
    for number, line in enumerate(source.code_lines, 1):
        match = _FRIEND.search(line)
        if match and match.group(1) not in _SHARD_FRIENDS:
            yield Finding(source.path, number, "locks",
                          f"{match.group(1)} would reach a shard's mutex; only "
                          "MultiShardLock and ShardLock may")


def _check_second_shard(source):
    """Follows braces; a lock lives to the end of the block it stands in."""
    depth, held = 0, []
    for number, line in enumerate(source.code_lines, 1):
        if re.match(r"\s*#", line) or re.match(r"\s*(friend\s+)?class \w+;",
                                               line):
            continue
        scopes = {match.start() for match in _LOCK_SCOPE.finditer(line)}
        for match in re.finditer(r"[{}]|\b(Multi)?ShardLock\b(?!\s*&)",
                                 line):
            if match.group() == "{":
                depth += 1
            elif match.group() == "}":
                depth -= 1
                held = [block for block in held if block <= depth]
            elif match.start() not in scopes:
                yield Finding(source.path, number, "locks",
                              f"{match.group()} is a local variable of the "
                              "scope that it locks for, and nothing else")
            else:
                if held:
                    yield Finding(source.path, number, "locks",
                                  "a second shard lock inside the scope of "
                                  "another: MultiShardLock takes several")
                held.append(depth)


def check_mutexes(tree):
    note = ""
    if tree.has(LOCKING_NOTE):
        note = tree.source(LOCKING_NOTE).text
    for source in tree.cpp("server"):
        if source.path in _MUTEX_CLASS:
            continue
        for number, line in enumerate(source.code_lines, 1):
            match = _FOREIGN_MUTEX.search(line)
            if match:
                yield Finding(source.path, number, "mutexes",
                              f"{match.group(1)} has no rank: use "
                              "latchkey::Mutex (server/base/mutex.h)")
        for number, name in _mutex_members(source):
            if not re.search(rf"\b{re.escape(name)}\b", note):
                yield Finding(source.path, number, "mutexes",
                              f"{name} is not named in {LOCKING_NOTE}")


def _mutex_members(source):
    """(line, "Class::member") of each Mutex that is declared; of one outside a
    class, just its name."""
    blocks, head = [], ""
    for number, line in enumerate(source.code_lines, 1):
        if re.match(r"\s*#", line):
            continue
        match = _MEMBER.match(line)
        if match:
            classes = [block for block in blocks if block]
            yield number, "::".join(classes[-1:] + [match.group(1)])
        for character in line + "\n":
            if character == "{":
                found = _CLASS.search(head)
                blocks.append(found.group(1) if found else "")
                head = ""
            elif character == "}":
                blocks = blocks[:-1]
                head = ""
            elif character == ";":
                head = ""
            else:
                head += character
