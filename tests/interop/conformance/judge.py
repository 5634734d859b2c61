#!/usr/bin/env python3
"""Has a server judged by programs of others: the gRPC project's interop client
on both transports, and h2spec in strict mode on the native one.

    judge.py BIN_DIR GO_BIN_DIR

Prints what failed, and at the end "N passed, N failed".  (The gRPC library
passes over some errors that h2spec looks for, so it is not asked.)
"""

import concurrent.futures
import contextlib
import pathlib
import re
import subprocess
import sys

# For one case; a sanitizer build on a busy machine is slow.
CASE_SECONDS = 120
H2SPEC_SECONDS = 300
# h2spec's own, for one answer.
H2SPEC_ANSWER_SECONDS = 10

# All that the client has for a server without credentials and load reports.
CASES = [
    "empty_unary", "large_unary", "client_streaming", "server_streaming",
    "ping_pong", "empty_stream", "timeout_on_sleeping_server",
    "cancel_after_begin", "cancel_after_first_response",
    "status_code_and_message", "special_status_message", "custom_metadata",
    "unimplemented_method", "unimplemented_service", "pick_first_unary",
    "rpc_soak", "channel_soak"
]


@contextlib.contextmanager
def serving(bin_dir, transport):
    """The port of a test service."""
    with subprocess.Popen([bin_dir / "interop-server", transport],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as server:
        line = server.stdout.readline()
        assert line.startswith("listening "), line
        yield line.rpartition(":")[2].strip()
        server.stdin.close()
        code = server.wait(CASE_SECONDS)
        assert code == 0, f"interop-server {transport} ended with {code}"


def run(command, seconds):
    """Whether it ended well, and what it said."""
    try:
        result = subprocess.run(command, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True,
                                timeout=seconds, check=False)
    except subprocess.TimeoutExpired as error:
        return False, f"no end after {seconds} s: {error.stdout}"
    return result.returncode == 0, result.stdout


def judge_calls(port, transport, go_bin):
    def judge(case):
        good, output = run([
            go_bin / "client", "--server_host=127.0.0.1",
            f"--server_port={port}", f"--test_case={case}",
            "--soak_per_iteration_max_acceptable_latency_ms=30000",
            "--soak_overall_timeout_seconds=60"
        ], CASE_SECONDS)
        print(f"{'ok' if good else 'FAILED'}: {transport}: {case}")
        if not good:
            print(output)
        return good

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        return list(pool.map(judge, CASES))


def judge_frames(port, go_bin):
    """How many of h2spec's cases passed, and how many did not."""
    _, output = run([go_bin / "h2spec", "--strict", "-h", "127.0.0.1", "-p",
                     port, "-o", str(H2SPEC_ANSWER_SECONDS)], H2SPEC_SECONDS)
    counts = re.search(r"(\d+) tests, (\d+) passed, \d+ skipped, \d+ failed",
                       output or "")
    if not counts:
        print(f"FAILED: h2spec: {output}")
        return 0, 1
    every, good = map(int, counts.groups())
    if good != every:
        print(output[output.find("Failures:"):])
    print(f"h2spec: {good} of {every}")
    return good, every - good


def main(bin_dir, go_bin):
    passed = failed = 0
    for transport in ("grpc", "native"):
        with serving(bin_dir, transport) as port:
            good = judge_calls(port, transport, go_bin)
            passed += sum(good)
            failed += len(good) - sum(good)
            if transport == "native":
                good, bad = judge_frames(port, go_bin)
                passed += good
                failed += bad
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])))
