"""Who may call by gRPC-Web: pages by their origins, callers by tokens and by
certificates."""

import ssl

import pytest
from api import pb
from certificates import Authority, CertificateFiles
from conftest import value_of
from grpc import StatusCode
from server_process import TRANSPORT
from tokens import TokensFile
from web import BINARY, TEXT, Page, frame, path_of, request

pytestmark = pytest.mark.skipif(
    TRANSPORT != "native", reason="the gRPC library speaks no gRPC-Web")

ORIGIN, OTHER = "https://page.example", "https://other.example"
NEITHER = {"access-control-allow-origin", "access-control-expose-headers",
           "access-control-allow-methods", "access-control-allow-headers"}


@pytest.fixture(name="page")
def fixture_page(server):
    with Page(server.socket_address) as page:
        yield page


@pytest.fixture(name="open_server")
def fixture_open_server(start_server):
    """One that pages of ORIGIN may call."""
    return start_server("--threads=1", f"--cors-origin={ORIGIN}")


def get(key):
    return pb.GetRequest(key=key)


def test_no_page_may_call_by_default(server, page):
    for origin in (ORIGIN, "null", "http://localhost:7411"):
        for ask in (
                lambda asking, origin=origin: asking.call(
                    "Put", pb.PutRequest(key=b"evil", value=b"1"),
                    headers={"origin": origin}),
                lambda asking, origin=origin: asking.preflight("Put", origin)):
            with Page(server.socket_address) as asking:
                answer = ask(asking)
                assert answer.code == 403
                assert not NEITHER & set(answer.headers)
    answer = page.call("Get", get(b"evil"))
    # Nothing was run.
    assert answer.messages(pb.GetResponse) == [pb.GetResponse()]
    assert not NEITHER & set(answer.headers)


def test_pages_of_an_allowed_origin_may_call(open_server):
    with Page(open_server.socket_address) as page:
        answer = page.preflight("Get", ORIGIN, "content-type,x-grpc-web,cookie,"
                                "grpc-timeout,authorization")
        assert answer.code == 204 and answer.body == b""
        assert answer.headers == {
            "access-control-allow-origin": ORIGIN,
            "access-control-allow-methods": "POST",
            "access-control-allow-headers":
                "content-type,x-grpc-web,grpc-timeout,authorization",
            "access-control-max-age": "7200",
            "vary": "origin",
        }
        for key in (b"k", b""):
            answer = page.call("Get", get(key), headers={"origin": ORIGIN})
            assert answer.headers["access-control-allow-origin"] == ORIGIN
            assert answer.headers["vary"] == "origin"
            exposed = answer.headers["access-control-expose-headers"]
            assert {"grpc-status", "grpc-message",
                    "grpc-status-details-bin"} <= set(exposed.split(","))
        assert page.preflight("Get", OTHER).code == 403
    with Page(open_server.socket_address) as page:
        assert page.call("Get", get(b"k"),
                         headers={"origin": OTHER}).code == 403


def test_several_origins_and_any(start_server):
    several = start_server("--threads=1", f"--cors-origin={ORIGIN}",
                           "--cors-origin=http://b:1,http://c")
    for origin, allowed in ((ORIGIN, True), ("http://b:1", True),
                            ("http://c", True), ("http://b", False)):
        with Page(several.socket_address) as page:
            answer = page.call("Get", get(b"k"), headers={"origin": origin})
            assert answer.code == (200 if allowed else 403)
    everyone = start_server("--threads=1", "--cors-origin=*")
    with Page(everyone.socket_address) as page:
        answer = page.call("Get", get(b"k"), headers={"origin": OTHER})
        assert answer.headers["access-control-allow-origin"] == "*"


def test_tokens(start_server, tmp_path):
    server = start_server(
        "--threads=1", f"--cors-origin={ORIGIN}",
        TokensFile(tmp_path / "tokens", ("ann", "ann-s3cret")).option())
    with Page(server.socket_address) as page:
        # What a browser asks before a call shows no token.
        assert page.preflight("Get", ORIGIN, "authorization").code == 204
        for token, status in (
                (None, StatusCode.UNAUTHENTICATED),
                ("Bearer wrong", StatusCode.UNAUTHENTICATED),
                ("Bearer ann-s3cret", StatusCode.OK)):
            answer = page.call("Get", get(b"k"), headers={
                "authorization": token, "origin": ORIGIN})
            assert answer.status == status.value[0]
            assert answer.headers["access-control-allow-origin"] == ORIGIN


def tls_context(ours, protocols, pair=None, folder=None):
    context = ssl.create_default_context(cadata=ours.certificate.decode())
    context.set_alpn_protocols(protocols)
    if pair is not None:
        file = folder / "client.pem"
        file.write_bytes(pair.certificate + pair.key)
        context.load_cert_chain(file)
    return context


@pytest.mark.parametrize("content_type", [BINARY, TEXT])
def test_tls(start_server, tmp_path, content_type):
    ours = Authority("ours")
    server = start_server("--threads=1", *CertificateFiles(
        tmp_path, ours.issue("server")).options())
    context = tls_context(ours, ["http/1.1"])
    with Page(server.socket_address, context) as page:
        assert page.socket.selected_alpn_protocol() == "http/1.1"
        assert page.call("Put", pb.PutRequest(
            key=b"k", value=value_of("v", 300_000)),
                         content_type=content_type).status == 0
        for _ in range(5):
            answer = page.call("Get", get(b"k"), content_type=content_type)
            assert answer.messages(pb.GetResponse)[0].entry.value == value_of(
                "v", 300_000)
        # The preface of HTTP/2, which was not agreed on.
        page.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        assert page.answer().code == 505
    # Without TLS it is not answered.
    with Page(server.socket_address) as page:
        page.send(request(path_of("Get"), frame(b"")))
        assert page.socket.recv(5)[:1] in (b"\x15", b"")


def test_certificates_are_principals(start_server, tmp_path):
    ours = Authority("ours")
    rules = tmp_path / "rules"
    rules.write_text("ann text:a read,write\n")
    server = start_server(
        "--threads=1", f"--rules-file={rules}",
        *CertificateFiles(tmp_path, ours.issue("server"),
                          client_ca=ours).options())
    for name, status in (("ann", StatusCode.OK),
                         ("bob", StatusCode.PERMISSION_DENIED)):
        context = tls_context(ours, ["http/1.1"], ours.issue(name), tmp_path)
        with Page(server.socket_address, context) as page:
            assert page.call("Get", get(b"a")).status == status.value[0]
    with pytest.raises(OSError):
        with Page(server.socket_address,
                  tls_context(ours, ["http/1.1"])) as page:
            page.call("Get", get(b"a"))
