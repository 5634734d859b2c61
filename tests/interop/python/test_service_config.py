"""The gRPC library's own retries, by the files in deploy/, from Python.

The same cases stand in ../node and ../go.
"""

import itertools
import json
import os
import signal
import time
from pathlib import Path

import grpc
import pytest
from api import cache_stubs, pb
from client import METHODS, READS, WRITES
from fault_proxy import FaultProxy
from grpc import StatusCode
from server_process import ServerProcess

_DEPLOY = Path(__file__).resolve().parents[3] / "deploy"
RETRIES_ALL = (_DEPLOY / "service-config.json").read_text()
RETRIES_READS = (_DEPLOY / "service-config-reads.json").read_text()

WRITES_SENT = 300
# For a try over a bad link; where nothing is lost, patience for a busy machine.
TRY_SECONDS = 1
PATIENCE_SECONDS = 60
# What a server that drains asks its callers to wait.
PUSHBACK_SECONDS = 0.2
SEED = os.environ.get("INTEROP_SEED", "1")

# What a broken link shows as, when the retries of the library have not covered
# it.  Each other code is the server's answer.
LINK_CODES = frozenset([
    StatusCode.UNAVAILABLE, StatusCode.DEADLINE_EXCEEDED, StatusCode.INTERNAL,
    StatusCode.CANCELLED, StatusCode.UNKNOWN
])

# A caller with a bad link connects again sooner than after the library's 1 s.
_RECONNECT = [("grpc.initial_reconnect_backoff_ms", 20),
              ("grpc.max_reconnect_backoff_ms", 100)]


class Caller:
    """A user of generated stubs, with no library of ours."""

    def __init__(self, address, config=RETRIES_ALL):
        self._channel = grpc.insecure_channel(
            address, options=[("grpc.service_config", config),
                              ("grpc.use_local_subchannel_pool", 1),
                              ("grpc.enable_http_proxy", 0)] + _RECONNECT)
        self._stub = cache_stubs.CacheStub(self._channel)
        self.resends = 0
        self.replays = 0

    def call(self, method, request, timeout=PATIENCE_SECONDS, **options):
        """One call; (answer or None, code, trailers)."""
        future = getattr(self._stub, method).future(request, timeout=timeout,
                                                    **options)
        # A call whose deadline the file does not give would never end.
        error = future.exception(timeout=2 * PATIENCE_SECONDS)
        return (None if error else future.result(), future.code(),
                dict(future.trailing_metadata() or ()))

    def stamp(self):
        _, code, trailers = self.call("Get", pb.GetRequest(key=b"k"),
                                      metadata=[("latchkey-stamp", "?")])
        assert code == StatusCode.OK
        return trailers["latchkey-stamp"]

    def write(self, method, request, stamp):
        """Sends a write until it is answered, with the same key and stamp."""
        options = {"metadata": [("latchkey-stamp", stamp)],
                   "timeout": TRY_SECONDS}
        answer, code, trailers = self.call(method, request, **options)
        while code in LINK_CODES:
            self.resends += 1
            assert self.resends < 10 * WRITES_SENT
            answer, code, trailers = self.call(method, request, **options,
                                               wait_for_ready=True)
        assert code == StatusCode.OK
        self.replays += trailers.get("latchkey-replayed") == "1"
        return answer

    def close(self):
        self._channel.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


@pytest.fixture(name="server")
def fixture_server(tmp_path):
    with ServerProcess(tmp_path / "log") as server:
        yield server


@pytest.fixture(name="proxy")
def fixture_proxy(server):
    with FaultProxy(server.address) as proxy:
        yield proxy


def increment(key, write=b"", **fields):
    return pb.IncrementRequest(key=key, delta=1, idempotency_key=write,
                               **{"initial": 0, **fields})


def counter(caller, key):
    answer, code, _ = caller.call("Get", pb.GetRequest(key=key))
    assert code == StatusCode.OK
    return int(answer.entry.value)


def test_keyed_writes_through_a_bad_link_count_once_each(proxy, server,
                                                         capsys):
    with Caller(proxy.address) as caller:
        stamp = caller.stamp()
        proxy.random(f"seed={SEED}", "bytes=3500", "reset=3", "lose-reply=3",
                     "truncate=1", "mirror=40", "mirror-lag-ms=50")
        values = [
            caller.write("Increment", increment(b"n", b"write-%d" % number),
                         stamp).value
            for number in range(WRITES_SENT)
        ]
        proxy.random("off")
    # Late copies count too, if they can.
    counts = proxy.wait_for(lambda counts: counts["mirrors-open"] == 0)
    with Caller(server.address) as direct:
        assert counter(direct, b"n") == WRITES_SENT
    assert values == list(range(1, WRITES_SENT + 1))
    with capsys.disabled():
        print(f"\nfigures: {WRITES_SENT} writes, seed {SEED}, "
              f"{counts['resets']} resets ({counts['replies-lost']} of them "
              f"for lost replies), {counts['truncations']} truncations, "
              f"{counts['mirrored']} mirrored connections, "
              f"{caller.replays} replays, {caller.resends} resent by the "
              "caller")
    # The faults happened, and the library dealt with some by itself.
    faults = counts["resets"] + counts["truncations"]
    assert counts["replies-lost"] >= 3
    assert counts["resets"] - counts["replies-lost"] >= 3
    assert counts["mirrored"] >= 3
    assert counts["mirrors-cut"] == 0
    assert caller.replays >= 3
    assert caller.resends < faults


def test_the_retry_of_a_lost_reply_is_answered_by_a_replay(proxy):
    with Caller(proxy.address) as caller:
        stamp = caller.stamp()
        proxy.lose_replies(1)
        answer, code, trailers = caller.call(
            "Increment", increment(b"n", b"lost"),
            metadata=[("latchkey-stamp", stamp)])
        assert code == StatusCode.OK
        assert answer.value == 1
        assert trailers["latchkey-replayed"] == "1"
        assert proxy.counters()["replies-lost"] == 1
        assert counter(caller, b"n") == 1


def test_without_a_key_the_retry_counts_twice(proxy):
    """Why the file for all retries is only for those who key all writes."""
    with Caller(proxy.address) as caller:
        caller.stamp()
        proxy.lose_replies(1)
        answer, code, _ = caller.call("Increment", increment(b"n"))
        assert code == StatusCode.OK
        assert answer.value == 2


def test_a_refusal_by_a_draining_server_is_retried_at_another(
        proxy, server, tmp_path):
    with (ServerProcess(tmp_path / "other") as other,
          Caller(proxy.address) as caller):

        def count(number):
            code = None
            # A call that the server's end cut off shows as another code.
            while code is None or code in LINK_CODES - {StatusCode.UNAVAILABLE}:
                answer, code, _ = caller.call(
                    "Increment", increment(b"n", b"drain-%d" % number))
            assert code == StatusCode.OK
            return answer.value

        assert count(0) == 1
        proxy.target(other.address)
        server.signal(signal.SIGTERM)
        # Calls go on without a pause, so that one meets the drain; the other
        # server counts from 1 again.
        longest = 0
        for number in itertools.count(1):
            started = time.monotonic()
            value = count(number)
            longest = max(longest, time.monotonic() - started)
            if value == 1:
                break
            assert value == number + 1
        # It waited for as long as the server asked for.
        assert longest >= PUSHBACK_SECONDS
    assert server.wait() == 0


def test_the_file_for_reads_retries_no_write(proxy):
    with Caller(proxy.address, RETRIES_READS) as caller:
        stamp = caller.stamp()
        proxy.lose_replies(1)
        _, code, _ = caller.call("Get", pb.GetRequest(key=b"n"))
        assert code == StatusCode.OK
        assert proxy.counters()["replies-lost"] == 1
        proxy.lose_replies(1)
        _, code, _ = caller.call("Increment", increment(b"n", b"write"))
        assert code in LINK_CODES
        # It was applied, and the caller's own resend is a replay.
        caller.write("Increment", increment(b"n", b"write"), stamp)
        assert caller.replays == 1
        assert counter(caller, b"n") == 1


ANSWERS = {
    StatusCode.NOT_FOUND: ("Increment", pb.IncrementRequest(
        key=b"none", delta=1)),
    StatusCode.OUT_OF_RANGE: ("Increment", increment(b"n", max=5)),
    StatusCode.FAILED_PRECONDITION: ("Increment", increment(b"text")),
    StatusCode.ALREADY_EXISTS: ("Move", pb.MoveRequest(
        source_key=b"n", destination_key=b"text")),
    StatusCode.ABORTED: ("Put", pb.PutRequest(
        key=b"n", precondition=pb.Precondition(version=1))),
}


@pytest.mark.parametrize("code", ANSWERS, ids=lambda code: code.name)
def test_other_codes_are_not_retried(server, code):
    """The outcome of a keyed write is kept, so a second copy would be told that
    it is a replay."""
    method, request = ANSWERS[code]
    request.idempotency_key = b"other code"
    with Caller(server.address) as caller:
        for key, value in ((b"n", b"10"), (b"text", b"no number")):
            caller.call("Put", pb.PutRequest(key=key, value=value))
        for copy in (1, 2):
            _, answered, trailers = caller.call(method, request)
            assert answered == code
            assert ("latchkey-replayed" in trailers) == (copy == 2)


def test_a_call_without_a_deadline_gets_the_one_of_the_file(server):
    with Caller(server.address) as caller:
        caller.stamp()
        with server.paused():
            _, code, _ = caller.call("Get", pb.GetRequest(key=b"k"),
                                     timeout=None)
        assert code == StatusCode.DEADLINE_EXCEEDED


@pytest.mark.parametrize("config", [RETRIES_ALL, RETRIES_READS],
                         ids=["all", "reads"])
def test_the_files_cover_each_method_as_the_contract_says(config):
    document = json.loads(config)
    assert document["retryThrottling"] == {"maxTokens": 10, "tokenRatio": 0.1}
    retried, timed = [], []
    for method_config in document["methodConfig"]:
        names = [name["method"] for name in method_config["name"]]
        assert {name["service"] for name in method_config["name"]} == {
            "latchkey.v1.Cache"}
        if "timeout" in method_config:
            assert method_config["timeout"] == "5s"
            timed += names
        if "retryPolicy" in method_config:
            assert method_config["retryPolicy"] == {
                "maxAttempts": 5, "initialBackoff": "0.005s",
                "maxBackoff": "0.1s", "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"]}
            retried += names
    # A stream of answers may take longer.
    assert sorted(timed) == sorted(set(METHODS) - {"Scan"})
    reads = READS | {"GetOutcome", "Scan"}
    writes = WRITES if config == RETRIES_ALL else frozenset()
    assert sorted(retried) == sorted(reads | writes)
