"""SIGTERM: health says NOT_SERVING, what runs is finished, the exit code is 0.

`start_server` checks the exit code of every server of this file.
"""

import signal
import socket
import threading
import time

import grpc
import pytest
from api import (health, health_stubs, reflection_v1, reflection_v1_stubs)
from client import CALL_SECONDS, Client, open_channel, read_error
from grpc import StatusCode
from server_process import PATIENCE_SECONDS

SERVING = health.HealthCheckResponse.SERVING
NOT_SERVING = health.HealthCheckResponse.NOT_SERVING
DRAIN_SECONDS = 5

# Of a drain's length, for a busy machine and a sanitizer build.
SLACK_SECONDS = 20


class Caller(threading.Thread):
    """Calls without a pause until the server answers no more."""

    def __init__(self, address, number):
        super().__init__()
        self._client = Client(address)
        self._key = f"caller-{number}".encode()
        self.errors = []
        self.calls = 0
        self.warm = threading.Event()

    def run(self):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.errors and time.monotonic() < deadline:
            try:
                self._client.Increment(key=self._key, delta=1, initial=0)
                self.calls += 1
                value = self._client.BatchGet(keys=[self._key] * 100)
                # Each answer is whole.
                assert {result.entry.value for result in value.results} == {
                    str(self.calls).encode()}
            except grpc.RpcError as error:
                self.errors.append(read_error(error))
            if self.calls == 20:
                self.warm.set()
        self._client.close()


def test_a_drain_under_load(start_server):
    server = start_server("--threads=2", f"--drain-seconds={DRAIN_SECONDS}")
    callers = [Caller(server.address, number) for number in range(6)]
    for caller in callers:
        caller.start()
    for caller in callers:
        assert caller.warm.wait(PATIENCE_SECONDS)

    assert_drains_in_time(server, DRAIN_SECONDS)
    for caller in callers:
        caller.join(PATIENCE_SECONDS)
        assert not caller.is_alive()

    for caller in callers:
        assert len(caller.errors) == 1
        error = caller.errors[0]
        assert error.code in (StatusCode.UNAVAILABLE, StatusCode.CANCELLED)
        assert error.reason in (None, "DRAINING"), error.message


@pytest.mark.parametrize("name", ["", "latchkey.v1.Cache"])
def test_a_watch_sees_the_drain_and_does_not_hold_it(start_server, name):
    # Longer than anybody waits for the server.
    server = start_server("--drain-seconds=600")
    with open_channel(server.address) as channel:
        watch = health_stubs.HealthStub(channel).Watch(
            health.HealthCheckRequest(service=name), timeout=CALL_SECONDS)
        assert next(watch).status == SERVING
        server.signal(signal.SIGTERM)
        assert next(watch).status == NOT_SERVING
        with pytest.raises(grpc.RpcError) as raised:
            next(watch)
        error = read_error(raised.value)
        assert (error.code, error.reason) == (StatusCode.UNAVAILABLE, "DRAINING")
    assert server.wait() == 0


def assert_drains_in_time(server, drain_seconds):
    started = time.monotonic()
    server.stop()
    assert time.monotonic() - started < drain_seconds + SLACK_SECONDS


def test_a_stream_that_its_client_leaves_open_does_not_keep_the_server(
        start_server):
    server = start_server("--drain-seconds=1")
    finish = threading.Event()

    def questions():
        yield reflection_v1.ServerReflectionRequest(list_services="")
        finish.wait(PATIENCE_SECONDS)

    with open_channel(server.address) as channel:
        stub = reflection_v1_stubs.ServerReflectionStub(channel)
        answers = stub.ServerReflectionInfo(questions(),
                                            timeout=PATIENCE_SECONDS)
        next(answers)
        assert_drains_in_time(server, 1)
        finish.set()


def test_idle_and_silent_connections_do_not_keep_the_server(start_server):
    server = start_server("--drain-seconds=1")
    with Client(server.address) as client, socket.create_connection(
            server.socket_address, timeout=PATIENCE_SECONDS):
        client.BatchGet()
        assert_drains_in_time(server, 1)


def test_a_drain_of_0_seconds_cancels_what_runs(start_server):
    server = start_server("--drain-seconds=0")
    with open_channel(server.address) as channel:
        watch = health_stubs.HealthStub(channel).Watch(
            health.HealthCheckRequest(), timeout=CALL_SECONDS)
        assert next(watch).status == SERVING
        assert_drains_in_time(server, 0)


def test_a_server_that_nobody_called_stops(start_server):
    start_server().stop()


def test_after_the_end_nobody_listens(start_server):
    server = start_server()
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(server.socket_address, timeout=5)


def test_the_signal_of_a_terminal_stops_it_too(start_server):
    server = start_server()
    server.signal(signal.SIGINT)
    assert server.wait() == 0
