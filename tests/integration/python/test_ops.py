"""The operations port: probes, who may reach it, and what it withstands."""

import concurrent.futures
import contextlib
import signal
import socket
import threading

import grpc
import pytest
from api import (health, health_stubs, reflection_v1, reflection_v1_stubs)
from client import Client, open_channel, read_error
from grpc import StatusCode
from metrics import http_get, scrape, wait_for
from server_process import PATIENCE_SECONDS, run_program


def connect(server):
    host, _, port = server.http_address.rpartition(":")
    return socket.create_connection((host, int(port)), PATIENCE_SECONDS)


def test_probes(server):
    assert http_get(server, "/livez")[0] == 200
    status, headers, text = http_get(server, "/readyz")
    assert (status, text) == (200, "ready\n")
    assert headers["Cache-Control"] == "no-store"
    assert http_get(server, "/")[0] == 404
    assert http_get(server, "/metrics/x")[0] == 404
    assert http_get(server, "/metrics", "DELETE")[0] == 404


def test_a_drain_is_told_until_the_server_ends(start_server):
    server = start_server("--drain-seconds=3600")
    finish = threading.Event()

    def questions():
        yield reflection_v1.ServerReflectionRequest(list_services="")
        finish.wait(PATIENCE_SECONDS)

    with open_channel(server.address) as channel:
        # This holds the drain.
        answers = reflection_v1_stubs.ServerReflectionStub(
            channel).ServerReflectionInfo(questions())
        next(answers)
        watch = health_stubs.HealthStub(channel).Watch(
            health.HealthCheckRequest())
        assert next(watch).status == health.HealthCheckResponse.SERVING
        assert http_get(server, "/readyz")[0] == 200
        server.signal(signal.SIGTERM)
        # By then /readyz has turned: it goes first.
        assert next(watch).status == health.HealthCheckResponse.NOT_SERVING
        status, _, text = http_get(server, "/readyz")
        assert (status, text) == (503, "draining\n")
        assert http_get(server, "/livez")[0] == 200

        # A refused call is counted; the connection is new, or is told to end.
        def refused():
            with open_channel(server.address) as other:
                try:
                    health_stubs.HealthStub(other).Check(
                        health.HealthCheckRequest(), timeout=PATIENCE_SECONDS)
                except grpc.RpcError as error:
                    assert error.code() == StatusCode.UNAVAILABLE
                    return read_error(error).reason == "DRAINING"
            return False

        with pytest.raises(grpc.RpcError):
            next(watch)
        drained = 1 + int(refused())
        assert scrape(server).value("latchkey_shed_total",
                                    reason="DRAINING") == drained
        finish.set()
        # A second signal would end it at once.
        assert server.wait() == 0
    with pytest.raises(ConnectionRefusedError):
        connect(server)


def test_no_port_where_none_is_wanted(start_server, keys):
    for off in ("--http-listen=off", "--http-listen="):
        server = start_server(off)
        with Client(server.address) as client:
            client.Put(key=keys("a"), value=b"1")
        server.signal(signal.SIGTERM)
        # Nothing but the first line was ever said.
        assert server.rest_of_stdout() == ""
        assert 'http="off"' in server.log()


def test_a_port_that_is_taken_is_an_error_and_no_server(server):
    second = run_program("latchkeyd", "--listen=127.0.0.1:0",
                         f"--http-listen={server.http_address}")
    assert second.returncode == 1
    assert second.stdout == b""
    assert b"--http-listen" in second.stderr
    assert server.http_address.rpartition(":")[2].encode() in second.stderr
    assert http_get(server, "/livez")[0] == 200


def test_servers_on_any_port_do_not_meet(start_server):
    addresses = {start_server().http_address for _ in range(3)}
    assert len(addresses) == 3
    assert all(address.startswith("127.0.0.1:") for address in addresses)


def test_the_log_tells_the_address(start_server):
    server = start_server()
    # Stdout is told first.
    wait_for(lambda: f'http="{server.http_address}"' in server.log())


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"])
def test_others_than_this_machine_need_allow_insecure(address):
    result = run_program("latchkeyd", "--listen=127.0.0.1:0",
                         f"--http-listen={address}")
    assert result.returncode == 2
    assert b"listening" not in result.stdout
    assert b"--http-listen" in result.stderr
    assert b"--allow-insecure" in result.stderr


def test_bad_clients_of_the_port_do_not_stop_calls(start_server, keys):
    server = start_server("--threads=1")
    with contextlib.ExitStack() as ends, Client(server.address) as client:
        client.Put(key=keys("a"), value=b"1")
        files = len(server.open_files())
        # More than the port has threads and places.  Those beyond may not even
        # be accepted, so none is waited for.
        for begin in [b"", b"GET /metrics HTTP/1.1\r\n", b"G",
                      b"GET /" + b"x" * 100_000, b"a: b\r\n" * 10_000] * 4:
            bad = ends.enter_context(socket.socket())
            bad.setblocking(False)
            host, _, port = server.http_address.rpartition(":")
            with contextlib.suppress(BlockingIOError):
                bad.connect((host, int(port)))
            with contextlib.suppress(OSError):
                bad.send(begin)
        for _ in range(200):
            assert client.Get(key=keys("a")).entry.value == b"1"
        # What waits costs the server few descriptors: its threads, its places
        # and one that is being handed over.
        assert len(server.open_files()) <= files + 11
    # Gone, so the port answers again.
    assert wait_for(lambda: http_get(server, "/livez")[0] == 200)


def test_a_large_request_is_cut_off(server):
    with connect(server) as client:
        with contextlib.suppress(OSError):
            client.sendall(b"GET /metrics HTTP/1.1\r\n" + b"a: b\r\n" * 100_000)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while some := client.recv(65_536):
                answer += some
    assert b" 200 " not in answer
    assert http_get(server, "/livez")[0] == 200


def test_scrapes_and_calls_at_one_time(server, keys):
    with Client(server.address) as client, \
            concurrent.futures.ThreadPoolExecutor(4) as pool:
        scrapes = [pool.submit(scrape, server) for _ in range(20)]
        for number in range(200):
            client.Put(key=keys(number % 10), value=b"1")
        counts = [future.result().sum("latchkey_commands_total",
                                      cmd="Put", code="OK")
                  for future in scrapes]
    assert all(count >= 0 for count in counts)
