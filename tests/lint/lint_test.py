#!/usr/bin/env python3
"""Shows that each lint rule reports what it should, and no more: every case is
a small tree with one fault, beside the same tree without it."""

import pathlib
import tempfile
import unittest

import habits
import locks
import rooms
from source import Tree, blank_cpp


class LintTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def report(self, rule, files, **options):
        """What `rule` says of a tree of `files`, as "path:line message"."""
        for path, text in files.items():
            file = self.root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return [f"{finding.path}:{finding.line} {finding.message}"
                for finding in rule(Tree(self.root), **options)]

    def assert_reports(self, rule, files, *expected, **options):
        found = self.report(rule, files, **options)
        self.assertEqual(len(found), len(expected), found)
        for finding, part in zip(found, expected):
            self.assertIn(part, finding)

    def assert_silent(self, rule, files, **options):
        self.assertEqual(self.report(rule, files, **options), [])


def library(name, deps):
    return f"latchkey_library({name}\n  SOURCES a.cc\n  DEPS {deps})\n"


class RoomsTest(LintTest):
    # Room, the line that is forbidden there, and what must be said of it.
    FORBIDDEN = (
        ("server/store", "#include <asio/post.hpp>", "(asio)"),
        ("server/store", '#include "grpcpp/grpcpp.h"', "(grpc)"),
        ("server/store", '#include "google/protobuf/message.h"', "(protobuf)"),
        ("server/store", '#include "latchkey/v1/cache.pb.h"', "(proto)"),
        ("server/store", '#include "server/rpc/call.h"', "(server/rpc)"),
        ("server/store", '#include "server/service/x.h"', "(server/service)"),
        ("server/base", '#include "server/runtime/x.h"', "(server/runtime)"),
        ("server/base", "#include <asio.hpp>", "(asio)"),
        ("server/runtime", '#include "server/store/x.h"', "(server/store)"),
        ("server/rpc", '#include "server/transport/grpc/x.h"',
         "(server/transport/grpc)"),
        ("server/rpc", "#include <grpcpp/server.h>", "(grpc)"),
        ("server/service", '#include "server/transport/grpc/x.h"',
         "(server/transport/grpc)"),
        ("server/service", '#include "grpc/status.h"', "(grpc)"),
        ("server/service", '#include "latchkey/v1/cache.grpc.pb.h"',
         "(stubs)"),
        ("server/transport/grpc", '#include "server/service/x.h"',
         "(server/service)"),
        ("server/config", '#include "server/service/service.h"',
         "(server/service)"),
        ("server/app", '#include "client/lib/client.h"', "(client/lib)"),
        ("proto/wire", '#include "google/protobuf/message.h"', "(protobuf)"),
        ("client/lib", '#include "server/base/clock.h"', "(server/base)"),
        ("client/load", '#include "client/cli/x.h"', "(client/cli)"),
        ("client/cli", '#include "server/rpc/call.h"', "(server/rpc)"),
        ("client/cli", '#include "tests/support/x.h"', "no part of it"),
        ("server/base", "#include <folly/io.h>", "no library"),
        ("server/elsewhere", "", "stands in no room"),
    )

    def test_forbidden_includes(self):
        protos = {"proto/latchkey/v1/cache.proto": ""}
        for room, line, expected in self.FORBIDDEN:
            with self.subTest(room=room, line=line):
                self.setUp()
                self.assert_reports(
                    rooms.check, {**protos, f"{room}/a.cc": line + "\n"},
                    expected)

    def test_allowed_includes(self):
        self.assert_silent(rooms.check, {
            "proto/latchkey/v1/cache.proto": "",
            "server/base/a.cc": "#include <time.h>\n#include <sys/random.h>\n"
                                "#include <cstdint>\n",
            "server/service/options.h": '#include "server/base/clock.h"\n',
            "server/config/a.cc": '#include "server/service/options.h"\n',
            "client/lib/a.h": "// #include <asio.hpp>\n",
        })

    def test_what_is_included_is_linked(self):
        files = {
            "server/base/CMakeLists.txt": library("server_base", "absl::base"),
            "server/runtime/CMakeLists.txt":
                library("server_runtime", "server_base"),
            "server/store/CMakeLists.txt":
                library("server_store", "server_runtime absl::btree"),
            "server/store/a.cc": '#include "server/base/clock.h"\n'
                                 "#include <sodium/x.h>\n",
        }
        self.assert_reports(rooms.check, files,
                            "server/store/a.cc:2 sodium/x.h: sodium is not "
                            "among the DEPS")
        files["server/store/CMakeLists.txt"] = library(
            "server_store", "server_runtime PkgConfig::sodium")
        self.assert_silent(rooms.check, files)

    def test_what_is_linked_may_be_included(self):
        self.assert_reports(
            rooms.check,
            {"server/store/CMakeLists.txt":
                 library("server_store", "server_base PkgConfig::grpc")},
            "server/store/CMakeLists.txt:1 server/store must not link "
            "PkgConfig::grpc")
        self.assert_reports(
            rooms.check,
            {"server/store/CMakeLists.txt":
                 "\ntarget_link_libraries(server_store PUBLIC server_rpc)\n"},
            "server/store/CMakeLists.txt:2 server/store must not link "
            "server_rpc")
        self.assert_reports(
            rooms.check,
            {"server/store/CMakeLists.txt": library("server_store", "tbb")},
            "tbb: no library")


SHARD = """class Shard {
 private:
  friend class MultiShardLock;
  friend class ShardLock;
  Mutex mutex_;
};
class ShardLock {
  void Lock() { shard_.mutex_.Lock(); }
};
"""


class LocksTest(LintTest):
    def assert_store(self, body, *expected):
        files = {"server/store/shard.h": SHARD, "server/store/a.cc": body}
        self.assert_reports(locks.check_locks, files, *expected)

    def test_one_lock_after_another(self):
        self.assert_store("""
            void Sweep() {
              for (Shard& shard : shards) {
                ShardLock lock(shard);
              }
              ShardLock last(shards[0]);
            }
            void Move(MultiShardLock& lock);
            """)

    def test_two_shard_locks_at_once(self):
        self.assert_store("""
            void Move() {
              ShardLock source(a);
              if (two) {
                ShardLock destination(b);
              }
            }
            """, "a.cc:5 a second shard lock")

    def test_shard_lock_under_multi_shard_lock(self):
        self.assert_store("""
            void Move() {
              MultiShardLock lock(table, shards);
              ShardLock other(b);
            }
            """, "a.cc:4 a second shard lock")

    def test_kept_lock(self):
        self.assert_store("std::vector<ShardLock> locks;\n",
                          "a.cc:1 ShardLock is a local variable")
        self.assert_store("auto lock = std::make_unique<MultiShardLock>(t, s);",
                          "a.cc:1 MultiShardLock is a local variable")

    def test_other_friend_of_shard(self):
        shard = SHARD.replace("friend class ShardLock;",
                              "friend class ShardLock;\n  friend class Store;")
        self.assert_reports(locks.check_locks, {"server/store/shard.h": shard},
                            "shard.h:5 Store would reach a shard's mutex")

    def test_mutex_by_hand(self):
        self.assert_store("void F() { mutex_.Lock(); }",
                          "a.cc:1 a mutex is locked by a scope")
        self.assert_store("void F() { other->mutex_.Unlock(); }",
                          "a.cc:1 a mutex is locked by a scope")

    def test_mutex_handed_out(self):
        self.assert_store("Mutex& mutex() { return mutex_; }",
                          "a.cc:1 a class hands out no mutex")

    def test_analysis_switched_off(self):
        self.assert_store("void F() ABSL_NO_THREAD_SAFETY_ANALYSIS {}",
                          "a.cc:1 only MultiShardLock switches")

    def test_mutex_without_rank(self):
        for kind in ("std::mutex", "std::shared_mutex", "absl::Mutex",
                     "std::recursive_timed_mutex"):
            with self.subTest(kind):
                self.assert_reports(
                    locks.check_mutexes,
                    {"server/rpc/a.h": f"class A {{ {kind} m_; }};\n"},
                    "a.h:1 " + kind)

    def test_mutex_not_in_the_note(self):
        files = {
            "server/rpc/a.h": """
                class A final : public B {
                  struct C { int d; };
                  void F() { if (x) { y(); } }
                  mutable Mutex mutex_;
                };
                """,
            "server/store/LOCKING.md": "| `B::mutex_` | A::mutex |\n",
        }
        self.assert_reports(locks.check_mutexes, files,
                            "a.h:5 A::mutex_ is not named")
        files["server/store/LOCKING.md"] = "| `A::mutex_` |\n"
        self.assert_silent(locks.check_mutexes, files)

    def test_mutex_of_a_class_inside_a_class(self):
        self.assert_reports(
            locks.check_mutexes,
            {"server/rpc/a.cc": "class A::B : public C {\n  Mutex mutex_;\n};",
             "server/store/LOCKING.md": "A::mutex_, C::mutex_"},
            "a.cc:2 B::mutex_ is not named")


class HabitsTest(LintTest):
    def test_real_clock(self):
        for text in ("std::chrono::steady_clock::now()", "absl::Now()",
                     "clock_gettime(CLOCK_REALTIME, &t)", "time(nullptr)",
                     "std::time(0)", "::time(&t)", "gettimeofday(&t, 0)",
                     "gpr_now(GPR_CLOCK_REALTIME)"):
            with self.subTest(text):
                self.assert_reports(habits.check_clock,
                                    {"server/rpc/a.cc": f"x = {text};\n"},
                                    "server/rpc/a.cc:1")

    def test_clock_where_it_may_be_read(self):
        self.assert_silent(habits.check_clock, {
            "server/base/clock.cc": "clock_gettime(id, &t);\n",
            "server/rpc/a.cc": "// absl::Now()\nF(call.time(), Time(x));\n"
                               "UnixNanos expire_time() const;\n",
            "server/rpc/b.cc": "// lint: clock allowed because the library\n"
                               "// wants its own.\nx = gpr_now(t);\n",
            "server/transport/grpc/a.cc": "gpr_now(GPR_CLOCK_MONOTONIC)\n",
            "client/load/a.cc": "steady_clock::now();\n",
        })

    def test_other_clock_in_the_adapter(self):
        self.assert_reports(
            habits.check_clock,
            {"server/transport/grpc/a.cc": "steady_clock::now();\n"},
            "server/transport/grpc/a.cc:1")

    def test_sleep(self):
        for path, text in (
                ("a.cc", "std::this_thread::sleep_for(d);\n"),
                ("a.cc", "absl::SleepFor(d);\n"),
                ("a.cc", "usleep(1);\n"),
                ("a.cc", "::sleep(1);\n"),
                ("a.py", "import time\ntime.sleep(1)\n"),
                ("a.py", "from time import sleep\n"),
                ("a.sh", "#!/bin/sh\nwhile true; do sleep 1; done\n"),
                ("run", "#!/usr/bin/env bash\n  sleep 1\n")):
            with self.subTest(text):
                self.setUp()
                self.assert_reports(habits.check_sleep,
                                    {f"tests/{path}": text}, f"tests/{path}:")

    def test_sleep_that_is_none(self):
        self.assert_silent(habits.check_sleep, {
            "tests/a.cc": 'x("usleep(1)");  // sleep_for\n'
                          "// lint: sleep allowed because a process is\n"
                          "// polled.\nusleep(1);\n",
            "tests/b.cc": "// lint: sleep allowed because\n",
            "tests/a.py": '"""time.sleep(1)"""\n',
            "tests/run": "#!/usr/bin/env bash\n# sleep 1\n",
        })

    def test_sleep_allowed_without_a_reason(self):
        self.assert_reports(
            habits.check_sleep,
            {"tests/a.cc": "usleep(1);  // lint: sleep allowed because\n"},
            "tests/a.cc:1")

    def test_size(self):
        files = {"server/base/a.cc": "\n" * 501, "server/base/b.cc": "\n" * 500}
        self.assert_reports(habits.check_size, files,
                            "server/base/a.cc:501 501 lines", longer={})
        self.assert_silent(habits.check_size, files,
                           longer={"server/base/a.cc": 501})
        self.assert_reports(habits.check_size, files,
                            "server/base/b.cc:1 short again",
                            longer={"server/base/a.cc": 501,
                                    "server/base/b.cc": 510})

    def test_sources(self):
        self.assert_reports(
            habits.check_sources,
            {"server/base/CMakeLists.txt": "latchkey_library(x SOURCES a.cc)",
             "server/base/a.cc": "", "server/base/ba.cc": ""},
            "server/base/ba.cc:1 is not built")
        self.assert_reports(
            habits.check_sources,
            {"server/base/CMakeLists.txt": "file(GLOB x *.cc)\n# a.cc ba.cc"},
            "server/base/CMakeLists.txt:1 name the sources")

    def test_source_named_by_its_stem(self):
        self.assert_reports(
            habits.check_sources,
            {"tests/x/CMakeLists.txt": "one_test(a_test)\none_test(b_test.h)",
             "tests/x/a_test.cc": "", "tests/x/b_test.cc": ""},
            "tests/x/b_test.cc:1 is not built")

    def test_source_without_cmake(self):
        self.assert_reports(habits.check_sources, {"tests/x/a.cc": ""},
                            "tests/x/a.cc:1 its folder has no CMakeLists.txt")

    def test_guard(self):
        good = "#ifndef LATCHKEY_SERVER_A_H_\n#define LATCHKEY_SERVER_A_H_\n"
        self.assert_silent(habits.check_guard, {"server/a.h": good})
        self.assert_reports(habits.check_guard, {"server/b.h": good},
                            "server/b.h:1 the include guard is not "
                            "LATCHKEY_SERVER_B_H_")

    def test_mutants(self):
        made = "const ScopedMutant mutant(Mutant::kStaleRead);\n"
        self.assert_silent(habits.check_mutants, {
            "server/base/mutant.h": "class ScopedMutant {};\n",
            "server/store/a.cc": "if (MutantActive(Mutant::kA)) return;\n",
            "tests/a_test.cc": made,
        })
        self.assert_reports(habits.check_mutants, {"server/app/a.cc": made},
                            "server/app/a.cc:1 nothing but a test")


class BlankTest(unittest.TestCase):
    def test_comments_and_literals(self):
        for text, expected in (
                ("a // b\nc", "a     \nc"),
                ("a /* b\n c */ d", "a     \n      d"),
                ('f("{", \'}\')', "f(   ,    )"),
                ("1'000'000 {", "1'000'000 {"),
                ('R"x({)" }")x" }', "              }"),
                (r'"\"{" }', "      }"),
                ('#include "server/a.h"  // b', '#include "server/a.h"      '),
                ):
            with self.subTest(text):
                self.assertEqual(blank_cpp(text), expected)


if __name__ == "__main__":
    unittest.main()
