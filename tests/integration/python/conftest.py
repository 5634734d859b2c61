"""The server of the session, a client of it, and keys that nothing else uses.

Keys and values carry canaries: no log of any server may show one.
"""

import contextlib
import itertools

import pytest
from client import Client
from server_process import ServerProcess

# At the end of each key, so that a log may show how a key begins.
KEY_CANARY = b"kanarienvogel"
VALUE_CANARY = b"goldammer"

_numbers = itertools.count(1)


class Keys:
    """The keys of one test by their short names: keys("a") is always the same
    within the test and in no other."""

    def __init__(self):
        self._prefix = f"test-{next(_numbers)}".encode()
        self._keys = {}

    def __call__(self, name):
        if name not in self._keys:
            self._keys[name] = b"/".join(
                [self._prefix, str(name).encode(), KEY_CANARY])
        return self._keys[name]

    def items(self):
        """The names used so far, with their keys."""
        return self._keys.items()


def value_of(text, size=None):
    """A value that begins with `text`, has a canary and is `size` bytes."""
    value = text.encode() + b"/" + VALUE_CANARY
    return value if size is None else value.ljust(size, b".")


def assert_log_keeps_secrets(log):
    """Fails where a log shows a whole key, or any of a value."""
    folded = log.lower()
    for canary in (KEY_CANARY, VALUE_CANARY):
        assert canary.decode() not in folded
        assert canary.hex() not in folded


@pytest.fixture(name="keys")
def fixture_keys():
    return Keys()


@pytest.fixture(name="server", scope="session")
def fixture_server(tmp_path_factory):
    """One server for all tests that leave it as they found it."""
    log = tmp_path_factory.mktemp("server") / "log"
    with ServerProcess(log, "--threads=2") as server:
        yield server
        assert server.running(), server.log()
    assert_log_keeps_secrets(server.log())


@pytest.fixture(name="cache", scope="session")
def fixture_cache(server):
    with Client(server.address) as client:
        yield client


@pytest.fixture(name="fresh")
def fixture_fresh(start_server):
    """A server that nothing was done to."""
    return start_server("--threads=2")


@pytest.fixture(name="client")
def fixture_client(fresh):
    with Client(fresh.address) as client:
        yield client


@pytest.fixture(name="start_server")
def fixture_start_server(tmp_path):
    """Starts servers of the test's own, which must all exit with 0."""
    with contextlib.ExitStack() as ends:

        def start(*arguments, **options):
            log = tmp_path / f"log-{next(_numbers)}"
            server = ServerProcess(log, *arguments, **options)
            ends.callback(_stop_and_check, server)
            return server

        yield start


def _stop_and_check(server):
    server.stop()
    assert_log_keeps_secrets(server.log())


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """Shows the log of the servers of a failed test."""
    outcome = yield
    report = outcome.get_result()
    if not report.failed:
        return
    for name, value in getattr(item, "funcargs", {}).items():
        if isinstance(value, ServerProcess):
            tail = value.log()[-4000:]
            report.sections.append((f"log of {name} (its end)", tail))
