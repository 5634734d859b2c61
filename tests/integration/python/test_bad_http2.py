"""Bad HTTP/2, and what becomes of it: each case on a connection that has made
no call, and on one whose calls have gone the short way.  After each, a fresh
call is answered at once; after each table, nothing is left of it."""

import time

import http2_frame_cases
import http2_header_cases
import http2_message_cases
import pytest
from metrics import scrape
from raw_http2 import check_case, connect, send_case
from server_process import (PATIENCE_SECONDS, SANITIZED, TRANSPORT,
                            ServerProcess)

FRESH_CALL_SECONDS = 0.1
# A call that was slow is made again, so often: the machine may be busy.  The
# last test says how many were.
FRESH_CALLS = 5

# Beyond what the first calls of a server have taken.  The library has pools.
MEMORY_GROWTH_BYTES_MAX = (16 if TRANSPORT == "native" else 64) * 1024 * 1024


class Target:
    """A server, and what it held before all cases."""

    def __init__(self, server):
        self.server = server
        self.address = server.socket_address
        self.calls = 0
        self.slow_calls = 0
        for _ in range(20):
            self.call()
        self.files = len(server.open_files())
        self.memory = self.memory_bytes()

    def memory_bytes(self):
        with open(f"/proc/{self.server.pid}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")

    def call(self):
        """A fresh call: how many seconds it took, connection and all."""
        started = time.monotonic()
        connection, stream = connect(self.address, warm=False)
        with connection:
            assert connection.get(stream), connection
        return time.monotonic() - started

    def assert_answers_at_once(self):
        self.calls += 1
        for _ in range(FRESH_CALLS):
            if self.call() <= FRESH_CALL_SECONDS:
                return
            self.slow_calls += 1
        raise AssertionError(f"{FRESH_CALLS} calls of over "
                             f"{FRESH_CALL_SECONDS} s, one after the other")

    def assert_nothing_is_left(self):
        if SANITIZED and TRANSPORT == "grpc":
            # A slow server's library keeps what it holds of broken connections
            # for longer than a test can wait.
            return
        # Closed connections are noticed in their own time.
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (len(self.server.open_files()) > self.files
               or scrape(self.server).value("latchkey_live_calls") > 0):
            assert time.monotonic() < deadline, self.server.open_files()
        # So is memory that the library has freed given back.
        while not SANITIZED and (self.memory_bytes() - self.memory
                                 > MEMORY_GROWTH_BYTES_MAX):
            assert time.monotonic() < deadline, self.memory_bytes()


@pytest.fixture(name="target", scope="module")
def fixture_target(tmp_path_factory):
    log = tmp_path_factory.mktemp("server") / "log"
    with ServerProcess(log, "--threads=2") as server:
        yield Target(server)


def check(target, case, path):
    if TRANSPORT == "native":
        check_case(target.address, case, path == "warm")
    else:
        # The library has its own opinions of HTTP/2.  It has to outlive this.
        send_case(target.address, case, path == "warm")
    target.assert_answers_at_once()


def over(cases):
    """Each case on both paths."""
    def decorate(test):
        test = pytest.mark.parametrize(
            "case", cases, ids=[case.name for case in cases])(test)
        return pytest.mark.parametrize("path", ["fresh", "warm"])(test)
    return decorate


@over(http2_frame_cases.CASES)
def test_frames(target, case, path):
    check(target, case, path)


def test_frames_leave_nothing(target):
    target.assert_nothing_is_left()


@over(http2_header_cases.CASES)
def test_headers(target, case, path):
    check(target, case, path)


def test_headers_leave_nothing(target):
    target.assert_nothing_is_left()


@over(http2_message_cases.CASES)
def test_messages(target, case, path):
    check(target, case, path)


def test_messages_leave_nothing(target):
    target.assert_nothing_is_left()


def test_fresh_calls_were_fast(target):
    """Not only at the last try."""
    print(f"figures: {target.calls} cases, {target.slow_calls} fresh calls of "
          f"over {FRESH_CALL_SECONDS} s")
    assert target.slow_calls <= max(5, target.calls // 20)
