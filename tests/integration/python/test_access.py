"""Who may do what, over either transport: every RPC with every sort of token,
certificate and key, against access_model.py.

RPCs come from the descriptors, so that none is forgotten.
"""

import dataclasses
import itertools
from typing import Any

import grpc
import pytest
from access_model import NEEDS, OPEN, Rules
from api import Duration, admin, health, pb, reflection_v1, reflection_v1alpha
from certificates import DAY, Authority, CertificateFiles
from client import METHODS, WRITES, Client, make_request, read_error
from google.protobuf import descriptor_pb2
from grpc import StatusCode
from server_process import SANITIZED, ServerProcess, run_program
from tokens import TokensFile, bearer, digest

RULES = """
root   text:       read,write,scan
root   text:       admin
# The principal of the tokens that are good.
ann    text:both/  read,write,scan
ann    text:read/  read
ann    text:write/ write
ann    text:scan/  scan
ann    hex:00ff    read,write,scan
# That of the certificate: where ann may not, too.
cert   text:read   write,scan
cert   text:       read
admin  text:       admin
"""
MODEL = Rules(RULES)
TOKENS = [(name, f"{name}-token") for name in ("root", "ann", "admin",
                                               "nobody")]
ROOT, ANN, ADMIN, NOBODY = (bearer(token) for _, token in TOKENS)

# What is shown beside a good token: nothing, what is none, one nobody has.
SHOWN = {
    "none": [None],
    "malformed": [
        [("authorization", "")],
        [("authorization", "ann-token")],
        [("authorization", "Basic ann-token")],
        [("authorization", "Bearer")],
        bearer(" ann-token"),
        bearer("x" * 4000),
    ],
    "wrong": [
        bearer("ann-toke"),
        bearer("ann-tokenx"),
        bearer(digest("ann-token")),
        bearer("wrong") + ANN,
    ],
    "right": [ANN],
}
CERTIFICATES = ("none", "foreign", "expired", "right", "no principal")
SERVERS = {
    "tokens": ("tokens",),
    "client CA": ("ca",),
    "tokens and client CA": ("tokens", "ca"),
}

# Keys by where they stand to the prefixes of rules: inside, at the edges,
# outside, shorter, of a prefix without an end, and none.
BOTH, READ, WRITE, SCAN = b"both/a", b"read/a", b"write/a", b"scan/a"
BEFORE, AFTER = b"both.z", b"both0"
KEYS = [BOTH, READ, WRITE, SCAN, b"both/", BEFORE, AFTER, b"both",
        b"z/both/a", b"\0\xff", b"\0\xff\xff", b"\0\xfe", b"\1", b"\0", b""]

TTL = {"ttl": Duration(seconds=60)}
LEASE = {"ttl": Duration(seconds=1)}
EXISTS = {"exists": True}


@dataclasses.dataclass(frozen=True)
class Row:
    method: Any
    request: Any

    @property
    def name(self):
        return self.method.full_name

    def writes(self):
        """Whether its errors tell what was applied."""
        return (self.name.startswith("latchkey.v1.Cache.") and
                (self.method.name in WRITES or
                 self.method.name == "Get" and self.request.HasField("touch")))

    def is_bad(self):
        return has_empty_key(self.request)


def has_empty_key(message):
    """Whether a key of the request, which is not a prefix, is empty."""
    for field, value in fields_of(message):
        values = (value if field.label == field.LABEL_REPEATED else [value])
        for part in values:
            if field.message_type is not None:
                if has_empty_key(part):
                    return True
            elif field.name in ("key", "keys", "source_key",
                                "destination_key") and not part:
                return True
    return False


def fields_of(message):
    """What is set, and the keys that are not."""
    for field in message.DESCRIPTOR.fields:
        if field.message_type is None:
            yield field, getattr(message, field.name)
        elif field.label == field.LABEL_REPEATED:
            yield field, getattr(message, field.name)
        elif message.HasField(field.name):
            yield field, getattr(message, field.name)


def row(method, **fields):
    return Row(METHODS[method], make_request(method, fields))


def one_key(method, **fields):
    return [row(method, key=key, **fields) for key in KEYS]


def two_keys(method, **fields):
    pairs = [(BOTH, key) for key in KEYS if key != BOTH] + [
        (key, WRITE) for key in KEYS if key not in (BOTH, WRITE)]
    return [row(method, source_key=source, destination_key=destination,
                **fields) for source, destination in pairs]


def transact(**parts):
    """A transaction that is good but for `parts`."""
    good = {"put": {"key": BOTH}}
    return row("Transact", **{"on_success": [good], "on_failure": [good],
                              **parts})


SINGLE = [
    *one_key("Get"),
    *one_key("Get", touch=TTL),
    *one_key("Put", value=b"1"),
    *one_key("Put", value=b"1", flags=1, precondition=EXISTS),
    *one_key("Put", value=b"1", return_previous=True),
    *one_key("Delete"),
    *one_key("Delete", return_previous=True),
    *one_key("Increment", delta=1),
    *one_key("Touch", expiration=TTL),
    *two_keys("Move"),
    *two_keys("Transfer", amount=1),
]


def rows_of_cache():
    yield from SINGLE
    for single, branch in itertools.product(SINGLE,
                                            ("on_success", "on_failure")):
        yield transact(**{branch: [{single.method.name.lower():
                                    single.request}]})
    yield row("Transact")
    yield from one_key("Get", lease=LEASE)
    for key in KEYS:
        yield transact(compares=[{"key": key, "precondition": EXISTS}])
        for atomic in (False, True):
            yield row("BatchGet", keys=[key], atomic=atomic)
            yield row("BatchGet", keys=[BOTH, key], atomic=atomic)
        yield row("BatchGet", keys=[BOTH] * 199 + [key])
        if key != BOTH:
            yield row("BatchPut", puts=[{"key": BOTH}, {"key": key}])
            yield row("BatchDelete", deletes=[{"key": BOTH}, {"key": key}])
        # By the lane of large requests.
        yield row("BatchPut", puts=[{"key": b"both/%d" % i}
                                    for i in range(99)] + [{"key": key}])
        yield row("Scan", prefix=key)
        yield row("Scan", prefix=key, consistency=pb.ScanRequest.SNAPSHOT)
    # Of no key: for who may do the like with some.
    for method in ("BatchGet", "BatchPut", "BatchDelete"):
        yield row(method)
    yield row("GetOutcome", idempotency_key=b"any")


def rows_of_others():
    yield Row(admin.DESCRIPTOR.services_by_name["Admin"].methods_by_name[
        "GetStats"], admin.GetStatsRequest())
    for name in ("Check", "Watch"):
        yield Row(health.DESCRIPTOR.services_by_name["Health"].methods_by_name[
            name], health.HealthCheckRequest())
    for version in (reflection_v1, reflection_v1alpha):
        service = version.DESCRIPTOR.services_by_name["ServerReflection"]
        yield Row(service.methods_by_name["ServerReflectionInfo"],
                  version.ServerReflectionRequest(list_services=""))


ROWS = [*rows_of_cache(), *rows_of_others()]
# One of each RPC, for where the request is not looked at.
FIRST_ROWS = list({r.name: r for r in reversed(ROWS)}.values())


def is_stream(method):
    """Whether its requests, and its answers, are many."""
    proto = descriptor_pb2.MethodDescriptorProto()
    method.CopyToProto(proto)
    return proto.client_streaming, proto.server_streaming


class Server:
    """One of SERVERS, with all that may be shown to it."""

    def __init__(self, path, has, ours, foreign):
        self.has = has
        files = CertificateFiles(path, ours.issue("server"),
                                 client_ca=ours if "ca" in has else None)
        (path / "rules").write_text(RULES)
        options = [f"--rules-file={path / 'rules'}", *files.options()]
        if "tokens" in has:
            options.append(TokensFile(path / "tokens", *TOKENS).option())
        self.process = ServerProcess(path / "log", "--threads=2", *options)
        self._roots = ours.certificate
        self._pairs = {
            "none": None,
            "foreign": foreign.issue("cert"),
            "expired": ours.issue("cert", valid_for=-DAY),
            "right": ours.issue("cert"),
            "no principal": ours.issue("two words"),
            "root": ours.issue("root"),
        }

    def client(self, certificate):
        pair = self._pairs[certificate]
        shown = (pair.key, pair.certificate) if pair else ()
        return Client(self.process.address,
                      grpc.ssl_channel_credentials(self._roots, *shown))

    def principal(self, certificate, token):
        """Who calls: None for who is refused, "" for who has no name."""
        if "tokens" in self.has and token != "none":
            return "ann" if token == "right" else None
        if "ca" in self.has and certificate == "right":
            return "cert"
        return None if "tokens" in self.has else ""

    def connects(self, certificate):
        return "ca" not in self.has or certificate in ("right", "no principal")


@pytest.fixture(name="servers", scope="module")
def fixture_servers(tmp_path_factory):
    ours, foreign = Authority("ours"), Authority("foreign")
    servers = {name: Server(tmp_path_factory.mktemp("access"), has, ours,
                            foreign) for name, has in SERVERS.items()}
    yield servers
    for server in servers.values():
        server.process.stop()


@pytest.fixture(name="root")
def fixture_root(servers):
    """A client that may do all with the first server."""
    with servers["tokens"].client("none") as client:
        yield client


def answer_to(client, r, metadata):
    """The error of a call, or None for none."""
    path = f"/{r.method.containing_service.full_name}/{r.method.name}"
    asks_many, answers_many = is_stream(r.method)
    request = r.request.SerializeToString()
    options = {"timeout": 30, "metadata": metadata}
    try:
        if asks_many:
            list(client.channel.stream_stream(path)(iter([request]), **options))
        elif answers_many:
            answers = client.channel.unary_stream(path)(request, **options)
            # A Watch never ends.
            next(answers, None)
            answers.cancel()
        else:
            client.channel.unary_unary(path)(request, **options)
    except grpc.RpcError as error:
        return read_error(error)
    return None


def assert_refused(error, code, message, metadata):
    """Exactly so: nothing tells why."""
    assert error is not None and error.code == code, (
        error and (error.code, error.message))
    assert error.message == message
    assert not error.reason and not error.fields
    assert error.metadata == metadata


def assert_as_expected(r, principal, error):
    """Judges the answer to a call of `principal`, None for nobody."""
    if r.name in OPEN:
        assert error is None
    elif principal is None:
        assert_refused(error, StatusCode.UNAUTHENTICATED,
                       "this server wants a valid token", {"applied": "no"})
    elif r.is_bad():
        assert error.code == StatusCode.INVALID_ARGUMENT, error.message
        assert error.reason == "INVALID_KEY"
    elif MODEL.allow(principal, NEEDS[r.name](r.request)):
        # Perhaps an error of another kind: the key is not there.
        assert error is None or error.code in (
            StatusCode.NOT_FOUND, StatusCode.ABORTED,
            StatusCode.ALREADY_EXISTS, StatusCode.OUT_OF_RANGE,
            StatusCode.FAILED_PRECONDITION), (error.code, error.message)
    else:
        assert_refused(error, StatusCode.PERMISSION_DENIED,
                       "the access rules do not allow it",
                       {"applied": "no"} if r.writes() else {})


def fill(client):
    client.BatchPut(metadata=ROOT, puts=[{"key": key, "value": b"7"}
                                         for key in KEYS if key])


def entries(client):
    """All there is, but the expiry, which tests cannot foresee."""
    return {entry.key: (entry.value, entry.version)
            for page in client.Scan(metadata=ROOT) for entry in page.entries}


def test_no_method_is_forgotten(root):
    asked = reflection_v1.ServerReflectionRequest(list_services="")
    service = reflection_v1.DESCRIPTOR.services_by_name["ServerReflection"]
    call = root.channel.stream_stream(
        f"/{service.full_name}/ServerReflectionInfo",
        request_serializer=type(asked).SerializeToString,
        response_deserializer=(
            reflection_v1.ServerReflectionResponse.FromString))
    served = {one.name for answer in call(iter([asked]), metadata=ROOT)
              for one in answer.list_services_response.service}
    descriptors = {file.services_by_name[name].full_name:
                   file.services_by_name[name]
                   for file in (pb.DESCRIPTOR, admin.DESCRIPTOR,
                                health.DESCRIPTOR, reflection_v1.DESCRIPTOR,
                                reflection_v1alpha.DESCRIPTOR)
                   for name in file.services_by_name}
    assert served == set(descriptors)
    methods = {method.full_name for one in descriptors.values()
               for method in one.methods}
    assert methods == {r.name for r in ROWS} == {*NEEDS, *OPEN}
    for r in FIRST_ROWS:
        if r.name in NEEDS and not r.name.endswith("Watch"):
            assert any(not MODEL.allow("ann", NEEDS[r.name](other.request))
                       for other in ROWS if other.name == r.name) or (
                           r.name.endswith("GetOutcome")), r.name


@pytest.mark.parametrize("token", SHOWN)
@pytest.mark.parametrize("certificate", CERTIFICATES)
@pytest.mark.parametrize("name", SERVERS)
def test_every_call(servers, name, certificate, token):
    server = servers[name]
    principal = server.principal(certificate, token)
    # A sanitizer sees nothing new in each of them.
    rows = ROWS[::9] + FIRST_ROWS if SANITIZED else ROWS
    connects = server.connects(certificate)
    shown = itertools.cycle(SHOWN[token])
    with server.client("root") as root, server.client(certificate) as client:
        fill(root)
        before = entries(root)
        for r in rows if connects else FIRST_ROWS:
            error = answer_to(client, r, next(shown))
            if connects:
                assert_as_expected(r, principal, error)
            else:
                assert error.code == StatusCode.UNAVAILABLE, error.message
        if not connects or not principal:
            assert entries(root) == before


@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.parametrize("method", METHODS)
def test_what_is_denied_tells_and_changes_nothing(root, method, exists):
    """Whether a call is denied does not depend on whether its keys exist."""
    rows = [r for r in ROWS if r.method is METHODS[method] and not r.is_bad()]
    for r in rows[::5] if SANITIZED else rows:
        for who, metadata in (("ann", ANN), ("admin", ADMIN),
                              ("nobody", NOBODY)):
            denied = not MODEL.allow(who, NEEDS[r.name](r.request))
            if exists:
                fill(root)
            else:
                root.BatchDelete(metadata=ROOT, deletes=[
                    {"key": key} for key in KEYS if key])
            before = entries(root) if denied else None
            assert_as_expected(r, who, answer_to(root, r, metadata))
            assert not denied or entries(root) == before, r


def test_a_keyed_write_that_is_denied_is_not_recorded(root):
    r = row("Put", key=AFTER, value=b"1", idempotency_key=b"denied")
    assert_as_expected(r, "ann", answer_to(root, r, ANN))
    outcome = root.GetOutcome(idempotency_key=b"denied", metadata=ANN)
    assert outcome.state == pb.GetOutcomeResponse.UNKNOWN


def test_a_scan_goes_on_within_its_prefix_only(root):
    fill(root)
    first = next(iter(root.Scan(prefix=b"both/", page_size=1, metadata=ANN)))
    assert first.resume_token
    pages = root.Scan(prefix=b"both/", resume_token=first.resume_token,
                      metadata=ANN)
    keys = [entry.key for page in pages for entry in page.entries]
    assert keys and all(key.startswith(b"both/") for key in keys)
    r = row("Scan", prefix=b"both", resume_token=first.resume_token)
    assert_as_expected(r, "ann", answer_to(root, r, ANN))


def test_a_bad_file_is_named(tmp_path):
    rules, tokens = tmp_path / "rules", TokensFile(tmp_path / "t", *TOKENS)
    rules.write_text("ann text: read\nann session/ read\n")
    result = run_program("latchkeyd", "--listen=127.0.0.1:0", tokens.option(),
                         f"--rules-file={rules}")
    assert result.returncode == 2
    assert result.stderr.decode() == (
        f"latchkeyd: --rules-file: {rules}:2: a prefix begins with text: or "
        "hex:\n")
