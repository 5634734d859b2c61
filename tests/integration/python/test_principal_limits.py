"""What one principal may use, over either transport.

Rates are so low that no test can be too slow for them.
"""

import time

import grpc
import pytest
from api import Duration
from certificates import Authority, CertificateFiles
from client import Client, expect_error, make_request, read_error
from grpc import StatusCode
from metrics import scrape, wait_for
from server_process import TRANSPORT, run_program
from tokens import TokensFile, bearer, reload_file

REFUSALS = "latchkey_principal_limit_refusals_total"
ANN, BOB, ROOT = (bearer(f"{name}-token") for name in ("ann", "bob", "root"))
OPERATIONS, CALLS = "operations-per-second", "live-calls"
CONNECTIONS, RECORDS, BYTES = "connections", "ledger-records", "bytes"
LEASE = {"ttl": Duration(seconds=600), "wait": True}
TRANSACT = {"compares": [{"key": b"k", "precondition": {"exists": True}}],
            "on_success": [{"get": {"key": b"k"}}] * 2,
            "on_failure": [{"put": {"key": b"k", "value": b"2"}}] * 3}


@pytest.fixture(name="limits")
def fixture_limits(tmp_path):
    return tmp_path / "limits"


@pytest.fixture(name="start")
def fixture_start(start_server, tmp_path, limits):
    tokens = TokensFile(tmp_path / "tokens", *((name, f"{name}-token")
                                               for name in ("ann", "bob",
                                                            "root")))

    def start(text):
        limits.write_text(text)
        return start_server("--threads=2", tokens.option(),
                            f"--limits-file={limits}")

    return start


def expect_refusal(limit, writes=False):
    return expect_error(StatusCode.RESOURCE_EXHAUSTED, "PRINCIPAL_LIMIT",
                        limit=limit, **({"applied": "no"} if writes else {}))


# A request, the operations that it counts, and whether it is a write.
REQUESTS = [
    ("Get", {"key": b"k"}, 1, False),
    ("Get", {"key": b"k", "if_version_not": 1}, 1, False),
    ("Get", {"key": b"k", "lease": LEASE}, 1, False),
    ("Get", {"key": b"k", "touch": {"ttl": LEASE["ttl"]}}, 1, True),
    ("Put", {"key": b"k", "value": b"1"}, 1, True),
    ("Put", {"key": b"k", "value": b"1", "idempotency_key": b"i"}, 1, True),
    ("Delete", {"key": b"none"}, 1, True),
    ("Increment", {"key": b"n", "initial": 0}, 1, True),
    ("Touch", {"key": b"k", "expiration": {"ttl": LEASE["ttl"]}}, 1, True),
    ("Move", {"source_key": b"k", "destination_key": b"k2"}, 1, True),
    ("Transfer", {"source_key": b"n1", "destination_key": b"n2", "amount": 1},
     1, True),
    ("BatchGet", {"keys": [b"k"] * 7}, 7, False),
    ("BatchGet", {"keys": [b"k"] * 7, "atomic": True}, 7, False),
    ("BatchGet", {"keys": [b"k"] * 200}, 200, False),
    ("BatchPut", {"puts": [{"key": b"a"}, {"key": b"b"}]}, 2, True),
    ("BatchDelete", {"deletes": [{"key": b"x"}, {"key": b"y"}]}, 2, True),
    ("Transact", TRANSACT, 6, True),
    ("BatchGet", {}, 1, False),
    ("Scan", {"prefix": b"k"}, 1, False),
    ("GetOutcome", {"idempotency_key": b"i"}, 1, False),
]


@pytest.mark.parametrize("method, fields, count, writes", REQUESTS)
def test_operations_are_counted(start, method, fields, count, writes):
    server = start(f"ann {OPERATIONS}=1\n")
    with Client(server.address) as client:
        client.BatchPut(metadata=ROOT, puts=[
            {"key": key, "value": b"9"} for key in (b"k", b"n1", b"n2")])
        begin = time.monotonic()
        client.call(method, metadata=ANN, **fields)
        # Before anything else is looked at: the same could not be done again.
        with pytest.raises(grpc.RpcError) as raised:
            client.call(method, metadata=ANN, **fields)
        elapsed = time.monotonic() - begin
        with expect_refusal(OPERATIONS, writes) as answer:
            raise raised.value
        assert answer.message.endswith(f"limit of {OPERATIONS}")
        wait = int(dict(raised.value.trailing_metadata())[
            "grpc-retry-pushback-ms"]) / 1000
        assert count - elapsed <= wait <= count
        assert scrape(server).value(REFUSALS, limit=OPERATIONS) == 1
        # Nobody else notices.
        client.Get(key=b"k", metadata=BOB)


def test_a_refused_write_is_not_applied(start):
    server = start(f"ann {OPERATIONS}=1\n")
    with Client(server.address) as client:
        client.BatchPut(metadata=ANN, puts=[{"key": b"%d" % i, "value": b"1"}
                                            for i in range(100)])
        # A hundred seconds have to pass.
        for _ in range(20):
            with expect_refusal(OPERATIONS, writes=True):
                client.Put(key=b"new", value=b"1", metadata=ANN)
        assert not client.Get(key=b"new", metadata=ROOT).HasField("entry")


def test_live_calls_are_counted_until_they_end(start, limits):
    server = start(f"ann {CALLS}=2\n* {CALLS}=1\n")
    with Client(server.address) as client, Client(server.address) as other:
        client.Get(key=b"k", metadata=ROOT,
                   lease={"ttl": LEASE["ttl"]})

        def wait(who):
            request = {"key": b"k", "lease": LEASE}
            return client.stub.Get.future(
                make_request("Get", request), timeout=600, metadata=who)

        first, second = wait(ANN), wait(ANN)
        wait_for(lambda: scrape(server).value("latchkey_lease_waiting") == 2)
        # On all connections, reads and writes.
        for one in (client, other):
            with expect_refusal(CALLS, writes=True):
                one.Put(key=b"a", value=b"", metadata=ANN)
            with expect_refusal(CALLS):
                one.Scan(metadata=ANN)
        assert scrape(server).value(REFUSALS, limit=CALLS) == 4
        # Who has no line has that of all others, each for himself.
        client.Put(key=b"a", value=b"", metadata=BOB)
        third = wait(BOB)
        wait_for(lambda: scrape(server).value("latchkey_lease_waiting") == 3)
        with expect_refusal(CALLS, writes=True):
            client.Put(key=b"a", value=b"", metadata=BOB)
        # A cancelled call is over.
        first.cancel()
        wait_for(lambda: scrape(server).value("latchkey_lease_waiting") == 2)
        client.Put(key=b"a", value=b"", metadata=ANN)
        # Another limit counts at once for what is there.
        limits.write_text(f"* {CALLS}=1\n")
        reload_file(server, "limits-reloaded")
        with expect_refusal(CALLS, writes=True):
            client.Put(key=b"a", value=b"", metadata=ANN)
        limits.write_text(f"bob {CALLS}=1 {OPERATIONS}=x\n")
        reload_file(server, "limits-reload-failed")
        with expect_refusal(CALLS, writes=True):
            client.Put(key=b"a", value=b"", metadata=ANN)
        client.Put(key=b"k", value=b"v", metadata=ROOT)
        assert second.result().entry.value == b"v"
        assert third.result().entry.value == b"v"
        for who in (ANN, BOB) * 20:
            client.Put(key=b"a", value=b"", metadata=who)


def is_served(client, who):
    try:
        client.Get(key=b"k", metadata=who)
        return True
    except grpc.RpcError as error:
        assert read_error(error).metadata["limit"] == CONNECTIONS
        return False


@pytest.mark.skipif(TRANSPORT == "grpc", reason="it does not count them")
def test_connections_are_counted_until_they_end(start, limits):
    server = start(f"ann {CONNECTIONS}=2\n")
    with Client(server.address) as first, Client(
            server.address) as third, Client(server.address) as fourth:
        with Client(server.address) as second:
            # However many calls each makes, and whoever else is on them.
            for _ in range(3):
                for client in (first, second):
                    assert is_served(client, ANN)
                    assert is_served(client, BOB)
            with expect_refusal(CONNECTIONS, writes=True) as answer:
                third.Put(key=b"new", value=b"1", metadata=ANN)
            assert answer.message == (
                "the principal ann is over its limit of connections")
            assert not is_served(third, ANN)
            assert scrape(server).value(REFUSALS, limit=CONNECTIONS) == 2
            # That is no reason to close it, and no matter of others.
            assert is_served(third, BOB)
            assert not first.Get(key=b"new", metadata=ANN).HasField("entry")
        wait_for(lambda: is_served(third, ANN))
        assert not is_served(fourth, ANN)
        # A lower limit ends none.
        limits.write_text(f"ann {CONNECTIONS}=1\n")
        reload_file(server, "limits-reloaded")
        assert is_served(first, ANN) and is_served(third, ANN)
        assert not is_served(fourth, ANN)
        limits.write_text(f"ann {CONNECTIONS}=3\n")
        reload_file(server, "limits-reloaded")
        assert is_served(fourth, ANN)


def test_the_grpc_library_does_not_count_connections(tmp_path, limits):
    tokens = TokensFile(tmp_path / "t", ("ann", "ann-token"))
    limits.write_text(f"ann {CALLS}=1 {CONNECTIONS}=1\n")
    result = run_program("latchkeyd", "--listen=127.0.0.1:0", tokens.option(),
                         "--transport=grpc", f"--limits-file={limits}")
    assert result.returncode == 2
    assert result.stderr.decode() == (
        f"latchkeyd: --limits-file: {limits}:1: connections= needs "
        "--transport=native: the gRPC library does not tell when a connection "
        "ends\n")


def test_records_of_the_ledger_are_counted(start, limits):
    server = start(f"ann {RECORDS}=2\n")
    with Client(server.address) as client:

        def put(key, who=ANN):
            return client.Put(key=key, value=b"1", idempotency_key=key,
                              metadata=who)

        first, _ = put(b"a"), put(b"b")
        for _ in range(2):
            with expect_refusal(RECORDS, writes=True) as answer:
                put(b"c")
        assert answer.message == (
            "the principal ann is over its limit of ledger-records")
        with expect_refusal(RECORDS):
            client.GetOutcome(idempotency_key=b"d", fence=True, metadata=ANN)
        assert scrape(server).value(REFUSALS, limit=RECORDS) == 3
        # Nothing was applied; copies are answered as before.
        assert not client.Get(key=b"c", metadata=ROOT).HasField("entry")
        assert put(b"a") == first
        client.GetOutcome(idempotency_key=b"d", metadata=ANN)
        client.Put(key=b"c", value=b"1", metadata=ANN)
        put(b"c", BOB)
        limits.write_text(f"ann {RECORDS}=3\n")
        reload_file(server, "limits-reloaded")
        put(b"c")


def test_bytes_are_counted(start, limits):
    server = start(f"ann {BYTES}=10000\nbob {BYTES}=10000\n")
    value = b"v" * 4000

    def put(client, key, who):
        client.Put(key=key, value=value, metadata=who)

    with Client(server.address) as client:
        for _ in range(3):
            put(client, b"1", ANN)
            put(client, b"2", ANN)
        with expect_refusal(BYTES, writes=True) as answer:
            put(client, b"3", ANN)
        assert answer.message == (
            "the principal ann is over its limit of bytes")
        with expect_refusal(BYTES, writes=True):
            client.BatchPut(metadata=ANN, puts=[
                {"key": b"4", "value": b"1"}, {"key": b"5", "value": value}])
        assert scrape(server).value(REFUSALS, limit=BYTES) == 2
        assert not client.Get(key=b"4", metadata=ROOT).HasField("entry")
        # Who writes last, has it.
        put(client, b"1", BOB)
        put(client, b"3", ANN)
        client.Delete(key=b"2", metadata=ROOT)
        put(client, b"4", ANN)
        with expect_refusal(BYTES, writes=True):
            put(client, b"5", ANN)
        limits.write_text(f"ann {BYTES}=1\n")
        reload_file(server, "limits-reloaded")
        with expect_refusal(BYTES, writes=True):
            client.Put(key=b"6", value=b"", metadata=ANN)
        assert client.Get(key=b"3", metadata=ROOT).entry.value == value


def test_limits_of_certificates(start_server, tmp_path, limits):
    ours = Authority("ours")
    files = CertificateFiles(tmp_path, ours.issue("server"), client_ca=ours)
    most = f"{CONNECTIONS}=2 " if TRANSPORT == "native" else ""
    limits.write_text(f"ann {most}{OPERATIONS}=1\n")
    server = start_server(f"--limits-file={limits}", *files.options())

    def client_of(name):
        pair = ours.issue(name)
        return Client(server.address, grpc.ssl_channel_credentials(
            ours.certificate, pair.key, pair.certificate))

    with client_of("ann") as ann, client_of("bob") as bob:
        ann.BatchPut(puts=[{"key": b"%d" % i} for i in range(100)])
        with expect_refusal(OPERATIONS):
            ann.Get(key=b"0")
        # On another connection, too.
        with client_of("ann") as again, client_of("ann") as more:
            with expect_refusal(OPERATIONS):
                again.Get(key=b"0")
            with expect_refusal(CONNECTIONS if most else OPERATIONS):
                more.Get(key=b"0")
        for _ in range(20):
            bob.Get(key=b"0")


def test_a_bad_file_is_named(tmp_path, limits):
    tokens = TokensFile(tmp_path / "t", ("ann", "ann-token"))
    limits.write_text("ann byte=1\n")
    result = run_program("latchkeyd", "--listen=127.0.0.1:0", tokens.option(),
                         f"--limits-file={limits}")
    assert result.returncode == 2
    assert result.stderr.decode() == (
        f"latchkeyd: --limits-file: {limits}:1: the limits are "
        f"{OPERATIONS}=, {CALLS}=, {CONNECTIONS}=, {RECORDS}=, {BYTES}=\n")
