"""A server that has more to do than it can do in time."""

import functools

import grpc
import pytest
from api import health, health_stubs, pb
from client import CALL_SECONDS, Client, expect_error, read_error
from conftest import value_of
from grpc import StatusCode
from metrics import scrape, wait_for
from server_process import SANITIZED

# What an operation takes here, and what its clients wait for it: a fraction of
# what they all together ask for.
SERVICE_MS = 20
DEADLINE_SECONDS = 3
CALLS = 400


@pytest.fixture(name="busy")
def fixture_busy(start_server):
    """A server that was asked for more than it can do, and what became of it."""
    server = start_server("--threads=1",
                          f"--test-service-time-us={SERVICE_MS * 1000}")
    with Client(server.address) as client:
        # So that it knows how long an operation takes.
        for _ in range(3):
            client.Get(key=b"k")
        calls = {f"key-{i}".encode(): None for i in range(CALLS)}
        for key in calls:
            calls[key] = client.start("Put", key=key, value=value_of("x"),
                                      timeout=DEADLINE_SECONDS)
        yield server, client, calls


@pytest.mark.skipif(SANITIZED, reason="it is slow at other things than calls")
def test_what_cannot_be_done_in_time_is_refused_and_not_applied(busy):
    server, client, calls = busy
    refused = []
    for key, call in calls.items():
        error = call.exception(timeout=CALL_SECONDS)
        if error is None or error.code() == StatusCode.DEADLINE_EXCEEDED:
            continue
        answer = read_error(error)
        assert (answer.code, answer.reason) == (StatusCode.UNAVAILABLE,
                                                "OVERLOADED")
        assert answer.metadata["applied"] == "no"
        pushback = dict(error.trailing_metadata())["grpc-retry-pushback-ms"]
        assert int(pushback) >= 1
        refused.append(key)
    done = [key for key, call in calls.items() if call.exception() is None]
    # How many, depends on what else the machine does.
    assert done
    assert refused
    for key in refused[:5]:
        assert not client.Get(key=key).HasField("entry")
    metrics = scrape(server)
    shed = sum(metrics.value("latchkey_overloaded_total", cause=cause)
               for cause in ("queue_full", "too_late", "queue_delay"))
    assert shed == len(refused)
    assert metrics.value("latchkey_shed_total", reason="OVERLOADED") == shed
    assert metrics.value("latchkey_point_queue_wait_seconds_count") > 0


@pytest.mark.skipif(SANITIZED, reason="it is slow at other things than calls")
def test_a_busy_server_tells_its_health(busy):
    _, client, calls = busy
    stub = health_stubs.HealthStub(client.channel)
    answer = stub.Check(health.HealthCheckRequest(), timeout=CALL_SECONDS)
    assert answer.status == health.HealthCheckResponse.SERVING
    # It did not wait for all the others.
    assert not all(call.done() for call in calls.values())


def test_a_call_without_a_deadline_gets_one(start_server):
    server = start_server("--call-seconds-max=1",
                          "--test-service-time-us=1000000")
    with Client(server.address) as client:
        with expect_error(StatusCode.DEADLINE_EXCEEDED,
                          "EXPIRED_BEFORE_COMMIT", applied="no"):
            client.call("Put", key=b"k", value=b"v", timeout=None)


def served(call, *arguments, **fields):
    """Whether a call is not refused for want of a slot."""
    try:
        call(*arguments, **fields)
    except grpc.RpcError as error:
        assert read_error(error).reason == "OVERLOADED"
        return False
    return True


def test_calls_over_the_slots_of_a_connection_are_refused(start_server):
    server = start_server("--calls-per-connection-max=1")
    with Client(server.address) as client:
        for i in range(200):
            # The slot of the call before may be held for a moment still.
            wait_for(functools.partial(served, client.Put,
                                       key=f"{i:03}".encode(),
                                       value=bytes(100_000)))

        def begin_scan():
            scan = client.stub.Scan(pb.ScanRequest(page_size=1),
                                    timeout=CALL_SECONDS)
            return scan if served(next, scan) else None

        scan = wait_for(begin_scan)
        with expect_error(StatusCode.UNAVAILABLE, "OVERLOADED"):
            client.Get(key=b"k")
        scan.cancel()
        with pytest.raises(grpc.RpcError):
            list(scan)

