"""A server that has no file descriptor left."""

import os
import resource
import socket
import time

import pytest
from client import Client
from raw_http2 import PREFACE, SETTINGS, frame
from server_process import BIN, PATIENCE_SECONDS, TRANSPORT

# It looks at an object's memory through a pipe, takes one that it cannot open
# for a bad object, and ends the server when it logs what has happened.
UNDEFINED_BEHAVIOR_SANITIZER = (
    b"__ubsan_handle" in (BIN / "latchkeyd").read_bytes())


HELLO = PREFACE + frame(SETTINGS, 0, 0)


def open_files(server):
    return len(os.listdir(f"/proc/{server.pid}/fd"))


def is_closed(connection):
    """Whether the server has closed it, rather than answered."""
    try:
        connection.sendall(HELLO)
        return connection.recv(1) == b""
    except (BrokenPipeError, ConnectionResetError):
        return True


@pytest.mark.skipif(UNDEFINED_BEHAVIOR_SANITIZER,
                    reason="the sanitizer itself needs descriptors")
@pytest.mark.skipif(TRANSPORT != "native",
                    reason="the gRPC library never accepts again after this")
def test_it_refuses_at_once_and_accepts_again_later(start_server, keys):
    server = start_server("--threads=1")
    before = open_files(server)
    # The server may open ten more.
    limit = before + 10
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (limit, limit))
    connections = [socket.create_connection(server.socket_address,
                                            timeout=PATIENCE_SECONDS)
                   for _ in range(50)]
    closed = [is_closed(connection) for connection in connections]
    assert not any(closed[:8])
    assert all(closed[12:])
    for connection in connections:
        connection.close()

    deadline = time.monotonic() + PATIENCE_SECONDS
    while open_files(server) > before:
        assert time.monotonic() < deadline, "closed connections are kept"
    with Client(server.address) as client:
        client.Put(key=keys("a"), value=b"1")
        assert client.Get(key=keys("a")).entry.value == b"1"
