"""Who may do what, over either transport.

Each RPC has rows of what it needs; a test sees that none of the descriptors is
without.
"""

import dataclasses
from typing import Mapping

import grpc
import pytest
from api import Duration, admin, pb, reflection_v1, reflection_v1alpha
from client import METHODS, WRITES, Client, read_error
from grpc import StatusCode
from server_process import ServerProcess, run_program
from tokens import TokensFile, bearer

# Everything, for what a test prepares and looks at.
ROOT = bearer("root-token")

RULES = """
root   text:       read,write,scan
root   text:       admin
# The principal of the test, which may with keys that begin with these.
ann    text:both/  read,write,scan
ann    text:read/  read
ann    text:write/ write
ann    text:scan/  scan
ann    hex:00ff    read,write,scan
admin  text:       admin
"""

ANN, ADMIN, NOBODY = bearer("ann-token"), bearer("admin-token"), bearer("no")
TOKENS = [("root", "root-token"), ("ann", "ann-token"),
          ("admin", "admin-token"), ("nobody", "no")]

BOTH, READ, WRITE, SCAN = b"both/a", b"read/a", b"write/a", b"scan/a"
# Right outside of the prefix, by each end.
BEFORE, AFTER = b"both.z", b"both0"
TTL = {"ttl": Duration(seconds=60)}
LEASE = {"ttl": Duration(seconds=1)}


@dataclasses.dataclass(frozen=True)
class Row:
    method: str
    allowed: bool
    fields: Mapping


def row(method, allowed, **fields):
    return Row(method, allowed, fields)


def one_key(method, allowed, **fields):
    """`allowed` is by key; also one of the other prefix, and no key of all."""
    allowed = {**dict.fromkeys((BOTH, READ, WRITE, SCAN), False),
               **dict.fromkeys((b"\0\xffx", b"both/", b"\0\xff"), True),
               **dict.fromkeys((BEFORE, AFTER, b"both", b"\0\xfe", b"\0",
                                b"z/both/a"), False), **allowed}
    return [row(method, may, key=key, **fields)
            for key, may in allowed.items()]


def two_keys(method, pairs, **fields):
    return [row(method, may, source_key=source, destination_key=destination,
                **fields) for (source, destination), may in pairs.items()]


def transact(allowed, **parts):
    """A transaction that is good but for `parts`."""
    good = {"put": {"key": BOTH}}
    return row("Transact", allowed, **{"on_success": [good],
                                       "on_failure": [good], **parts})


def steps_of(rows):
    """Rows of single RPCs as operations of transactions, in each place."""
    for single in rows:
        name = single.method.lower()
        if single.method in ("Scan", "Transact", "GetOutcome") or (
                name.startswith("batch")) or "lease" in single.fields:
            continue
        step = {name: single.fields}
        yield transact(single.allowed, on_success=[step])
        yield transact(single.allowed, on_failure=[step])


SINGLE = [
    *one_key("Get", {BOTH: True, READ: True}),
    *one_key("Get", {BOTH: True}, touch=TTL),
    *one_key("Get", {BOTH: True}, lease=LEASE),
    *one_key("Put", {BOTH: True, WRITE: True}, value=b"1"),
    *one_key("Put", {BOTH: True, WRITE: True}, flags=1, value=b"1",
             precondition={"exists": True}),
    *one_key("Put", {BOTH: True}, value=b"1", return_previous=True),
    *one_key("Delete", {BOTH: True, WRITE: True}),
    *one_key("Delete", {BOTH: True}, return_previous=True),
    *one_key("Increment", {BOTH: True, WRITE: True}, delta=1),
    *one_key("Touch", {BOTH: True, WRITE: True}, expiration=TTL),
    *two_keys("Move", {(BOTH, b"both/b"): True, (BOTH, WRITE): True,
                       (BOTH, READ): False, (BOTH, AFTER): False,
                       (READ, WRITE): False, (WRITE, BOTH): False,
                       (BEFORE, BOTH): False}),
    *two_keys("Transfer", {(BOTH, WRITE): True, (WRITE, BOTH): True,
                           (BOTH, READ): False, (READ, BOTH): False,
                           (BOTH, AFTER): False, (AFTER, BOTH): False},
              amount=1),
]

ROWS = [
    *SINGLE,
    *steps_of(SINGLE),
    transact(True, compares=[{"key": READ, "precondition": {"exists": True}}]),
    transact(False, compares=[{"key": WRITE,
                               "precondition": {"exists": True}}]),
    transact(False, compares=[{"key": AFTER,
                               "precondition": {"exists": True}}]),
    *[row("BatchGet", may, keys=keys, atomic=atomic)
      for atomic in (False, True)
      for may, keys in ((True, [BOTH, READ]), (False, [BOTH, WRITE]),
                        (False, [AFTER, READ]), (True, [BOTH] * 200),
                        (False, [BOTH] * 199 + [AFTER]))
      if not atomic or len(keys) < 129],
    *[row("BatchPut", may, puts=[{"key": key} for key in keys])
      for may, keys in ((True, [BOTH, WRITE]), (False, [BOTH, READ]),
                        (False, [AFTER, BOTH]),
                        (False, [b"both/%d" % i for i in range(99)] +
                         [AFTER]))],
    *[row("BatchDelete", may, deletes=[{"key": key} for key in keys])
      for may, keys in ((True, [BOTH, WRITE]), (False, [BOTH, READ]),
                        (False, [AFTER, BOTH]))],
    *[row("Scan", may, prefix=prefix, consistency=consistency)
      for consistency in (pb.ScanRequest.FUZZY, pb.ScanRequest.SNAPSHOT)
      for prefix, may in {b"both/": True, b"both/a": True, b"scan/": True,
                          b"both": False, b"": False, b"read/": False,
                          b"write/": False, b"\0\xff": True, b"\0": False,
                          b"both0": False}.items()],
    row("GetOutcome", True, idempotency_key=b"any"),
    # Of no key: for who may do the like with some.
    row("Transact", True),
    *[row("BatchGet", True, atomic=atomic) for atomic in (False, True)],
    row("BatchPut", True),
    row("BatchDelete", True),
]


@pytest.fixture(name="server", scope="module")
def fixture_server(tmp_path_factory):
    path = tmp_path_factory.mktemp("rules")
    (path / "rules").write_text(RULES)
    tokens = TokensFile(path / "tokens", *TOKENS)
    with ServerProcess(path / "log", "--threads=2", tokens.option(),
                       f"--rules-file={path / 'rules'}") as server:
        yield server


@pytest.fixture(name="client", scope="module")
def fixture_client(server):
    with Client(server.address) as client:
        yield client


def answer_to(client, method, metadata, fields):
    """The error of a call, or None for none."""
    try:
        client.call(method, metadata=metadata, **fields)
    except grpc.RpcError as error:
        return read_error(error)
    return None


def assert_denied(error, writes=False):
    assert error is not None and error.code == StatusCode.PERMISSION_DENIED, (
        error and (error.code, error.message))
    assert error.message == "the access rules do not allow it"
    assert not error.reason and not error.fields
    assert error.metadata == ({"applied": "no"} if writes else {})


def fill(client, *keys):
    client.BatchPut(metadata=ROOT,
                    puts=[{"key": key, "value": b"7"} for key in keys])


def entries(client):
    """All there is, but the expiry, which tests cannot foresee."""
    return {entry.key: (entry.value, entry.version)
            for page in client.Scan(metadata=ROOT) for entry in page.entries}


def test_no_method_is_forgotten():
    assert {row.method for row in ROWS} == set(METHODS)
    for method in METHODS:
        assert any(not r.allowed for r in ROWS if r.method == method) or (
            method == "GetOutcome")


@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.parametrize("method", METHODS)
def test_what_the_rules_say(client, method, exists):
    """Whether a call is denied does not depend on whether its keys exist."""
    every = {key for r in ROWS for name, key in r.fields.items()
             if name in ("key", "source_key")}
    for r in ROWS:
        if r.method != method:
            continue
        if exists:
            fill(client, *every)
        else:
            client.BatchDelete(metadata=ROOT,
                               deletes=[{"key": key} for key in every])
        before = entries(client)
        error = answer_to(client, method, ANN, r.fields)
        writes = method in WRITES or "touch" in r.fields
        if r.allowed:
            # Perhaps an error of another kind: the key is not there.
            assert (error is None or
                    error.code != StatusCode.PERMISSION_DENIED), r
        else:
            assert_denied(error, writes)
            assert entries(client) == before, r
        # Who may do all, and nobody.
        error = answer_to(client, method, ROOT, r.fields)
        assert error is None or error.code != StatusCode.PERMISSION_DENIED, r
        for other in (NOBODY, ADMIN):
            assert_denied(answer_to(client, method, other, r.fields), writes)


def test_a_keyed_write_that_is_denied_is_not_recorded(client):
    fields = {"key": AFTER, "value": b"1", "idempotency_key": b"denied"}
    assert_denied(answer_to(client, "Put", ANN, fields), writes=True)
    outcome = client.GetOutcome(idempotency_key=b"denied", metadata=ANN)
    assert outcome.state == pb.GetOutcomeResponse.UNKNOWN


def test_a_scan_goes_on_within_its_prefix_only(client):
    fill(client, b"both/1", b"both/2", AFTER)
    first = next(iter(client.Scan(prefix=b"both/", page_size=1,
                                  metadata=ANN)))
    assert first.resume_token
    pages = client.Scan(prefix=b"both/", resume_token=first.resume_token,
                        metadata=ANN)
    keys = [entry.key for page in pages for entry in page.entries]
    assert keys and all(key.startswith(b"both/") for key in keys)
    with pytest.raises(grpc.RpcError) as raised:
        client.Scan(prefix=b"both", resume_token=first.resume_token,
                    metadata=ANN)
    assert_denied(read_error(raised.value))


@pytest.mark.parametrize("version", [reflection_v1, reflection_v1alpha])
def test_reflection_is_for_who_has_admin(client, version):
    service = version.DESCRIPTOR.services_by_name["ServerReflection"]
    path = f"/{service.full_name}/ServerReflectionInfo"
    question = version.ServerReflectionRequest(
        list_services="").SerializeToString()

    def ask(metadata):
        return list(client.channel.stream_stream(path)(
            iter([question]), timeout=30, metadata=metadata))

    assert ask(ADMIN) and ask(ROOT)
    for other in (ANN, NOBODY):
        with pytest.raises(grpc.RpcError) as raised:
            ask(other)
        assert_denied(read_error(raised.value))


def test_admin_methods_are_for_who_has_admin(client):
    service = admin.DESCRIPTOR.services_by_name["Admin"]
    for name in service.methods_by_name:
        method = client.channel.unary_unary(f"/{service.full_name}/{name}")
        for who in (ADMIN, ROOT):
            assert method(b"", timeout=30, metadata=who)
        for other in (ANN, NOBODY):
            with pytest.raises(grpc.RpcError) as raised:
                method(b"", timeout=30, metadata=other)
            assert_denied(read_error(raised.value))


def test_health_needs_no_rule(client):
    for method in ("Check", "Watch"):
        path = f"/grpc.health.v1.Health/{method}"
        call = client.channel.unary_stream(path)(b"", timeout=30,
                                                 metadata=NOBODY)
        assert next(call)
        call.cancel()


def test_a_bad_file_is_named(tmp_path):
    rules, tokens = tmp_path / "rules", TokensFile(tmp_path / "t", *TOKENS)
    rules.write_text("ann text: read\nann session/ read\n")
    result = run_program("latchkeyd", "--listen=127.0.0.1:0", tokens.option(),
                         f"--rules-file={rules}")
    assert result.returncode == 2
    assert result.stderr.decode() == (
        f"latchkeyd: --rules-file: {rules}:2: a prefix begins with text: or "
        "hex:\n")
