"""What one principal may use, over either transport.

Rates are so low that no test can be too slow for them.
"""

import time

import grpc
import pytest
from api import Duration
from certificates import Authority, CertificateFiles
from client import Client, expect_error, make_request
from grpc import StatusCode
from metrics import scrape, wait_for
from server_process import run_program
from tokens import TokensFile, bearer, reload_file

REFUSALS = "latchkey_principal_limit_refusals_total"
ANN, BOB, ROOT = (bearer(f"{name}-token") for name in ("ann", "bob", "root"))
OPERATIONS, CALLS = "operations-per-second", "live-calls"
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




def test_limits_of_certificates(start_server, tmp_path, limits):
    ours = Authority("ours")
    files = CertificateFiles(tmp_path, ours.issue("server"), client_ca=ours)
    limits.write_text(f"ann {OPERATIONS}=1\n")
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
        with client_of("ann") as again, expect_refusal(OPERATIONS):
            again.Get(key=b"0")
        for _ in range(20):
            bob.Get(key=b"0")


def test_a_bad_file_is_named(tmp_path, limits):
    tokens = TokensFile(tmp_path / "t", ("ann", "ann-token"))
    limits.write_text("ann bytes=1\n")
    result = run_program("latchkeyd", "--listen=127.0.0.1:0", tokens.option(),
                         f"--limits-file={limits}")
    assert result.returncode == 2
    assert result.stderr.decode() == (
        f"latchkeyd: --limits-file: {limits}:1: the limits are "
        f"{OPERATIONS}= and {CALLS}=\n")
