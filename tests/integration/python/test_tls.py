"""Calls over TLS: who is served, who is refused, and that the refused harm no one."""

import datetime
import os
import signal
import socket
import ssl
import time

import grpc
import pytest
from certificates import Authority, CertificateFiles
from client import Client
from conftest import value_of
from metrics import wait_for
from raw_http2 import PREFACE, SETTINGS, frame
from server_process import PATIENCE_SECONDS, TRANSPORT, run_program

HOUR = datetime.timedelta(hours=1)
HELLO = PREFACE + frame(SETTINGS, 0, 0)


@pytest.fixture(name="ours", scope="module")
def fixture_ours():
    return Authority("ours")


@pytest.fixture(name="foreign", scope="module")
def fixture_foreign():
    return Authority("foreign")


@pytest.fixture(name="tls_server")
def fixture_tls_server(start_server, tmp_path, ours):
    return start_server(
        "--threads=1",
        *CertificateFiles(tmp_path, ours.issue("server")).options())


@pytest.fixture(name="mutual_server")
def fixture_mutual_server(start_server, tmp_path, ours):
    return start_server(
        "--threads=1",
        *CertificateFiles(tmp_path, ours.issue("server"),
                          client_ca=ours).options())


def credentials(ca, pair=None):
    if pair is None:
        return grpc.ssl_channel_credentials(ca.certificate)
    return grpc.ssl_channel_credentials(ca.certificate, pair.key,
                                        pair.certificate)


def context(ca, protocols=("h2",)):
    """What Python's own TLS needs to connect."""
    made = ssl.create_default_context(cadata=ca.certificate.decode())
    if protocols:
        made.set_alpn_protocols(protocols)
    return made


def sockets(server):
    """What the process has open, as the system names it."""
    folder = f"/proc/{server.pid}/fd"
    for number in os.listdir(folder):
        try:
            yield os.readlink(f"{folder}/{number}")
        except FileNotFoundError:
            pass


def connect(server):
    return socket.create_connection(server.socket_address,
                                    timeout=PATIENCE_SECONDS)


def read_to_end(connection):
    """All that comes; an end by an error is an end."""
    read = b""
    try:
        while piece := connection.recv(65536):
            read += piece
    except TimeoutError:
        raise
    except OSError:
        pass
    return read


def assert_served(server, given):
    with Client(server.address, given) as client:
        key = b"served"
        client.Put(key=key, value=b"1")
        assert client.Get(key=key).entry.value == b"1"


def assert_refused(server, given):
    """Fails unless a call ends because there is no connection."""
    with Client(server.address, given) as client:
        with pytest.raises(grpc.RpcError) as raised:
            client.Get(key=b"refused")
        assert raised.value.code() == grpc.StatusCode.UNAVAILABLE


def test_calls_of_all_sizes(tls_server, keys, ours):
    with Client(tls_server.address, credentials(ours)) as client:
        # From less than a record to many.
        for size in (100, 16_000, 17_000, 300_000, 1_048_576):
            value = value_of("one", size)
            client.Put(key=keys(size), value=value)
            assert client.Get(key=keys(size)).entry.value == value
        found = client.BatchGet(keys=[keys(300_000)] * 10)
        assert [len(result.entry.value) for result in found.results] == (
            [300_000] * 10)
        assert sum(len(page.entries) for page in client.Scan()) == 5


def test_many_calls_at_a_time(tls_server, keys, ours):
    with Client(tls_server.address, credentials(ours)) as client:
        calls = [client.start("Increment", key=keys("n"), delta=1, initial=0)
                 for _ in range(500)]
        assert sorted(call.result().value for call in calls) == (
            list(range(1, 501)))


def test_a_client_that_trusts_another_authority(tls_server, ours, foreign):
    assert_refused(tls_server, credentials(foreign))
    assert_served(tls_server, credentials(ours))


def test_a_server_whose_certificate_has_expired(start_server, tmp_path, ours):
    files = CertificateFiles(tmp_path, ours.issue("server", -HOUR))
    assert_refused(start_server(*files.options()), credentials(ours))


@pytest.mark.parametrize("who", ["nobody", "foreign", "expired", "self-made"])
def test_a_client_without_the_right_certificate(mutual_server, ours, foreign,
                                                who):
    pair = {"nobody": lambda: None,
            "foreign": lambda: foreign.issue("client"),
            "expired": lambda: ours.issue("client", -HOUR),
            # Of an authority that has the same name.
            "self-made": lambda: Authority("ours").issue("client")}[who]()
    assert_refused(mutual_server, credentials(ours, pair))
    assert_served(mutual_server, credentials(ours, ours.issue("client")))


@pytest.mark.parametrize("version, served", [
    (ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True),
    (ssl.TLSVersion.TLSv1_3, True)])
def test_versions(tls_server, ours, version, served):
    wanted = context(ours)
    wanted.set_ciphers("DEFAULT:@SECLEVEL=0")
    wanted.minimum_version = wanted.maximum_version = version
    with connect(tls_server) as raw:
        if not served:
            with pytest.raises(OSError):
                wanted.wrap_socket(raw, server_hostname="localhost")
            return
        with wanted.wrap_socket(raw, server_hostname="localhost") as connection:
            assert connection.selected_alpn_protocol() == "h2"
            connection.sendall(HELLO)
            # The first frame is SETTINGS.
            assert connection.recv(9)[3] == SETTINGS


@pytest.mark.parametrize("cipher", [
    "AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA256"])
def test_ciphers_that_http_2_forbids(tls_server, ours, cipher):
    wanted = context(ours)
    wanted.maximum_version = ssl.TLSVersion.TLSv1_2
    wanted.set_ciphers(cipher)
    if TRANSPORT == "grpc" and cipher.startswith("ECDHE"):
        pytest.skip("the gRPC library has ciphers of its own")
    with connect(tls_server) as raw, pytest.raises(OSError):
        wanted.wrap_socket(raw, server_hostname="localhost")


@pytest.mark.parametrize("protocols", [(), ("http/1.0",), ("h3", "h2c")])
def test_a_client_that_does_not_ask_for_http_2(tls_server, ours, protocols):
    with connect(tls_server) as raw:
        try:
            with context(ours, protocols).wrap_socket(
                    raw, server_hostname="localhost") as connection:
                # The gRPC library ends it after the handshake.
                assert TRANSPORT == "grpc"
                assert read_to_end(connection) == b""
        except OSError as error:
            assert not isinstance(error, TimeoutError)
            # It is told why.
            assert TRANSPORT == "grpc" or "no application protocol" in str(
                error)
    assert_served(tls_server, credentials(ours))


def test_a_client_that_asks_for_http_2_among_others(tls_server, ours):
    with connect(tls_server) as raw, context(
            ours, ("http/1.1", "h2")).wrap_socket(
                raw, server_hostname="localhost") as connection:
        assert connection.selected_alpn_protocol() == "h2"


def test_plain_text_to_a_port_with_tls(tls_server, ours):
    assert_refused(tls_server, None)
    with connect(tls_server) as connection:
        connection.sendall(HELLO)
        # An alert at most, and nothing of HTTP/2.
        assert len(read_to_end(connection)) < 16
    assert_served(tls_server, credentials(ours))


def test_tls_to_a_port_without(server, ours):
    assert_refused(server, credentials(ours))
    assert_served(server, None)


def client_hello(ours):
    """The first bytes of a good handshake."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    half = context(ours).wrap_bio(incoming, outgoing,
                                  server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        half.do_handshake()
    return outgoing.read()


def test_handshakes_that_are_none(tls_server, ours):
    hello = client_hello(ours)
    before = len(tls_server.open_files())
    for garbage in (b"\x00" * 1000, b"\xff" * 1000, b"GET / HTTP/1.1\r\n\r\n",
                    # A record larger than any, and one of an unknown type.
                    b"\x16\x03\x01\xff\xff" + b"\x01" * 70_000,
                    b"\x63\x03\x03\x00\x01x",
                    # An alert, and data before the handshake.
                    b"\x15\x03\x03\x00\x02\x02\x28",
                    b"\x17\x03\x03\x00\x05hello",
                    hello[:-1] + b"\x00" + b"\xee" * 100, hello + hello,
                    hello + b"\x14\x03\x03\x00\x01\x01" * 100,
                    hello[:50] + b"\xff" * (len(hello) - 50)):
        with connect(tls_server) as connection:
            try:
                connection.sendall(garbage)
                connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            read_to_end(connection)
    assert_served(tls_server, credentials(ours))
    wait_for(lambda: len(tls_server.open_files()) <= before + 1)


def test_silent_handshakes_end_and_keep_nothing(tls_server, ours):
    hello = client_hello(ours)
    before = len(tls_server.open_files())
    began = time.monotonic()
    connections = [connect(tls_server) for _ in range(20)]
    try:
        for number, connection in enumerate(connections):
            # Nothing, a part, or the whole first step and no other.
            connection.sendall(hello[:len(hello) * (number % 3) // 2])
        assert_served(tls_server, credentials(ours))
        for connection in connections:
            read_to_end(connection)
        # Ten seconds are the limit.
        assert time.monotonic() - began > 5
    finally:
        for connection in connections:
            connection.close()
    wait_for(lambda: len(tls_server.open_files()) <= before + 1)


def test_a_drain_does_not_wait_for_handshakes(tls_server):
    connections = [connect(tls_server) for _ in range(3)]
    connections[0].sendall(b"\x16\x03\x01\x02\x00\x01")
    # All three have been accepted.
    wait_for(lambda: sum("socket:" in name for name in sockets(tls_server)) >=
             len(connections) + 1)
    began = time.monotonic()
    tls_server.signal(signal.SIGTERM)
    assert tls_server.wait() == 0
    # Less than its --drain-seconds.
    assert time.monotonic() - began < 8
    for connection in connections:
        connection.close()


@pytest.mark.parametrize("broken, option, word", [
    ("no certificate", "--tls-certificate", "No such file"),
    ("no key", "--tls-key", "No such file"),
    ("no client ca", "--tls-client-ca", "No such file"),
    ("another key", "--tls-key", "not the key of the certificate"),
    ("garbage certificate", "--tls-certificate", "no certificate"),
    ("garbage key", "--tls-key", "no private key"),
    ("garbage client ca", "--tls-client-ca", "no certificate"),
])
def test_files_that_cannot_be_used_are_named(tmp_path, ours, broken, option,
                                             word):
    files = CertificateFiles(tmp_path, ours.issue("server"), client_ca=ours)
    file = {"--tls-certificate": files.certificate, "--tls-key": files.key,
            "--tls-client-ca": files.client_ca}[option]
    if broken.startswith("no "):
        file.unlink()
    elif broken == "another key":
        files.put_key(ours.issue("other"))
    else:
        file.write_text("garbage\n")
    result = run_program("latchkeyd", f"--transport={TRANSPORT}",
                         "--listen=127.0.0.1:0", *files.options())
    assert result.returncode == 2
    complaint = result.stderr.decode()
    assert complaint.startswith(f"latchkeyd: {option}: {file}: "), complaint
    assert word in complaint
    assert complaint.count("\n") == 1
    assert b"listening" not in result.stdout


def test_the_world_is_served_with_tls_only(start_server, tmp_path, ours):
    files = CertificateFiles(tmp_path, ours.issue("server"))
    refused = run_program("latchkeyd", "--listen=0.0.0.0:0")
    assert refused.returncode == 2
    for way in (b"--tls-certificate", b"--tls-key", b"--allow-insecure"):
        assert way in refused.stderr
    # Of the port for operations, which has no TLS, it is not true.
    refused = run_program("latchkeyd", "--listen=0.0.0.0:0",
                          "--http-listen=0.0.0.0:0", *files.options())
    assert refused.returncode == 2
    assert b"--http-listen" in refused.stderr
    server = start_server("--listen=0.0.0.0:0", *files.options(), listen=False)
    port = server.socket_address[1]
    with Client(f"127.0.0.1:{port}", credentials(ours)) as client:
        client.BatchGet()
    assert "event=insecure" not in server.log()
