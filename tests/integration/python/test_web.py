"""gRPC-Web over HTTP/1.1 and HTTP/2."""

import base64
import signal
import socket
import time

import grpc
import pytest
from api import error_details, health, pb, rpc_status
from client import SERVICE, Client
from conftest import value_of
from grpc import StatusCode
from metrics import scrape, wait_for
from server_process import PATIENCE_SECONDS, SANITIZED, TRANSPORT
from web import BINARY, TEXT, Page, chunks, frame, path_of, request
from wire import Wire

pytestmark = pytest.mark.skipif(
    TRANSPORT != "native", reason="the gRPC library speaks no gRPC-Web")


@pytest.fixture(name="page")
def fixture_page(server):
    with Page(server.socket_address) as page:
        yield page


def get(key):
    return pb.GetRequest(key=key)


def put(page, key, value, **options):
    answer = page.call("Put", pb.PutRequest(key=key, value=value), **options)
    assert answer.status == 0, answer


def reason_of(answer):
    """The reason in the details of an error."""
    text = answer.trailers["grpc-status-details-bin"]
    status = rpc_status.Status.FromString(
        base64.b64decode(text + "=" * (-len(text) % 4)))
    assert status.code == answer.status
    info = error_details.ErrorInfo()
    assert status.details[0].Unpack(info)
    return info.reason


@pytest.mark.parametrize("content_type", [BINARY, TEXT])
def test_calls_of_one_connection(page, keys, content_type):
    put(page, keys("a"), value_of("1"), content_type=content_type)
    for _ in range(20):
        answer = page.call("Get", get(keys("a")), content_type=content_type)
        assert answer.code == 200 and answer.status == 0
        assert answer.headers["content-type"] == content_type
        assert answer.messages(pb.GetResponse)[0].entry.value == value_of("1")


def test_it_is_the_same_cache(cache, page, keys):
    cache.Put(key=keys("a"), value=value_of("1"))
    answer = page.call("Get", get(keys("a")))
    assert answer.messages(pb.GetResponse) == [cache.Get(key=keys("a"))]


def test_an_error_is_a_head_alone(page, keys):
    for content_type in (BINARY, TEXT):
        put(page, keys("a"), b"1")
        answer = page.call(
            "Put", pb.PutRequest(key=keys("a"), value=b"2",
                                 precondition=pb.Precondition(exists=False)),
            content_type=content_type)
        assert answer.code == 200 and answer.body == b""
        assert answer.headers["content-length"] == "0"
        assert answer.status == StatusCode.ALREADY_EXISTS.value[0]
        assert reason_of(answer) == "KEY_EXISTS"
    # The connection goes on.
    assert page.call("Get", get(keys("a"))).status == 0


@pytest.mark.parametrize("content_type", [BINARY, TEXT])
def test_a_stream_of_many_messages(fresh, content_type):
    with Client(fresh.address) as client:
        for number in range(500):
            client.Put(key=b"%03d" % number, value=value_of("v", 300))
    with Page(fresh.socket_address) as page:
        answer = page.call("Scan", pb.ScanRequest(page_size=10),
                           content_type=content_type)
        assert answer.status == 0
        messages = answer.messages(pb.ScanResponse)
        assert len(messages) >= 50
        assert sorted(entry.key for message in messages
                      for entry in message.entries) == [
                          b"%03d" % number for number in range(500)]


def test_metadata_comes_in_trailers(page, keys):
    answer = page.call("Get", get(keys("a")),
                       headers={"latchkey-stamp": "?", "latchkey-timing": "1"})
    assert answer.trailers["latchkey-stamp"]
    assert int(answer.trailers["latchkey-server-us"]) >= 0
    write = pb.PutRequest(key=keys("a"), value=b"1", idempotency_key=b"web-1")
    first, second = page.call("Put", write), page.call("Put", write)
    assert second.trailers["latchkey-replayed"] == "1"
    assert first.messages(pb.PutResponse) == second.messages(pb.PutResponse)


def test_a_deadline(start_server):
    server = start_server("--threads=1", "--test-service-time-us=2000")
    with Page(server.socket_address) as page:
        answer = page.call("Get", get(b"k"), headers={"grpc-timeout": "1u"})
        assert answer.status == StatusCode.DEADLINE_EXCEEDED.value[0]
        assert page.call("Get", get(b"k"),
                         headers={"grpc-timeout": "50S"}).status == 0
        answer = page.call("Get", get(b"k"), headers={"grpc-timeout": "soon"})
        assert answer.status == StatusCode.INTERNAL.value[0]


def test_a_wait_for_a_lease_ends_at_its_deadline(page, cache, keys):
    lease = pb.LeaseRequest(wait=True)
    lease.ttl.seconds = 30
    assert cache.Get(key=keys("a"), lease=lease).lease.token
    answer = page.call("Get", pb.GetRequest(key=keys("a"), lease=lease),
                       headers={"grpc-timeout": "100m"})
    assert answer.status == StatusCode.DEADLINE_EXCEEDED.value[0]


def test_http_2_is_served_likewise(server, keys):
    with Wire(server.socket_address) as wire:
        put_request = frame(pb.PutRequest(
            key=keys("a"), value=b"1").SerializeToString())
        answer = wire.call(path_of("Put"), put_request, {"te": None,
                           "content-type": "application/grpc-web"})
        assert answer.headers["content-type"] == BINARY
        assert answer.body.endswith(frame(b"grpc-status: 0\r\n", 0x80))
        answer = wire.call(path_of("Get"), base64.b64encode(
            frame(get(keys("a")).SerializeToString())), {
                "content-type": "application/grpc-web-text"}, chunk=1)
        assert answer.headers["content-type"] == TEXT
        # A native call has its trailers where they belong.
        assert wire.call(path_of("Put"), put_request).status == 0


def test_requests_that_are_sent_ahead(page, keys):
    values = [value_of(str(number)) for number in range(200)]
    body = [frame(pb.PutRequest(key=keys("a"), value=value,
                                return_previous=True).SerializeToString())
            for value in values]
    page.send(b"".join(request(path_of("Put"), part) for part in body))
    previous = [page.answer().messages(pb.PutResponse)[0].previous.value
                for _ in values]
    assert previous[1:] == values[:-1]


def test_bodies_in_chunks(page, keys):
    message = frame(pb.PutRequest(key=keys("a"), value=value_of("v", 50))
                    .SerializeToString())
    for body, content_type in ((message, BINARY),
                               (base64.b64encode(message), TEXT)):
        for size in [*range(1, 20), len(body)]:
            page.send(request(path_of("Put"), None, content_type=content_type,
                              headers={"transfer-encoding": "chunked"}) +
                      chunks(body, size))
            assert page.answer().status == 0


def test_text_of_parts(page, keys):
    message = frame(get(keys("a")).SerializeToString())
    for cut in range(len(message)):
        body = (base64.b64encode(message[:cut]) +
                base64.b64encode(message[cut:]))
        page.send(request(path_of("Get"), body, content_type=TEXT))
        assert page.answer().status == 0


def test_a_value_of_the_largest_size(page, keys):
    for content_type in (BINARY, TEXT):
        value = value_of("v", 1024 * 1024)
        put(page, keys("a"), value, content_type=content_type)
        answer = page.call("Get", get(keys("a")), content_type=content_type)
        assert answer.messages(pb.GetResponse)[0].entry.value == value


def test_a_client_that_asks_whether_to_go_on(page, keys):
    body = frame(get(keys("a")).SerializeToString())
    head = request(path_of("Get"), None, headers={
        "expect": "100-continue", "content-length": len(body)})
    for _ in range(2):
        page.send(head)
        assert page.head() == (100, {})
        page.send(body)
        assert page.answer().status == 0
    page.send(head.replace(b"100-continue", b"a-miracle"))
    assert page.answer().code == 417


@pytest.mark.parametrize("status, body", [
    (StatusCode.UNIMPLEMENTED, b""),
    (StatusCode.UNIMPLEMENTED, frame(b"") + frame(b"")),
    (StatusCode.INTERNAL, frame(b"\x0a\x01k")[:-1]),
    (StatusCode.INTERNAL, b"\0\0"),
    (StatusCode.INTERNAL, frame(b"", 2)),
    (StatusCode.INTERNAL, frame(b"", 0x80)),
    (StatusCode.INTERNAL, frame(b"", 1)),
    (StatusCode.INVALID_ARGUMENT, frame(b"")),
    (StatusCode.RESOURCE_EXHAUSTED, b"\0\xff\xff\xff\xff"),
])
def test_bad_messages(page, status, body):
    for content_type in (BINARY, TEXT):
        answer = page.call_bytes("Get", body, content_type=content_type)
        assert answer.status == status.value[0], answer
        if answer.headers.get("connection") == "close":
            assert page.at_end()
            break


@pytest.mark.parametrize("text", [
    b"####", b"AAAA=", b"AAA", b"A", b"AAAAA===", b"AAAA\n", b"AA A", b"=AAA"])
def test_text_that_is_no_base64(page, text):
    page.send(request(path_of("Get"), text, content_type=TEXT))
    answer = page.answer()
    assert answer.status == StatusCode.INTERNAL.value[0]
    assert "Base64" in answer.headers["grpc-message"]


def test_a_method_that_is_not_there(page):
    assert page.call("Get2", get(b"k")).status == (
        StatusCode.UNIMPLEMENTED.value[0])


# Heads, after which nothing is answered.
HOST = b"Host: h\r\n"
BAD_HEADS = {
    "nothing of HTTP": (400, b"hello\r\n\r\n"),
    "TLS": (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
    "HTTP/1.0": (505, b"POST / HTTP/1.0\r\n" + HOST + b"\r\n"),
    "no host": (400, b"POST / HTTP/1.1\r\n\r\n"),
    "two hosts": (400, b"POST / HTTP/1.1\r\n" + HOST + HOST + b"\r\n"),
    "two lengths": (400, b"POST / HTTP/1.1\r\n" + HOST +
                    b"Content-Length: 1\r\nContent-Length: 1\r\n\r\nx"),
    "length and chunks": (400, b"POST / HTTP/1.1\r\n" + HOST +
                          b"Content-Length: 5\r\nTransfer-Encoding: chunked"
                          b"\r\n\r\n0\r\n\r\n"),
    "chunks and length": (400, b"POST / HTTP/1.1\r\n" + HOST +
                          b"Transfer-Encoding: chunked\r\nContent-Length: 5"
                          b"\r\n\r\n0\r\n\r\n"),
    "another encoding": (501, b"POST / HTTP/1.1\r\n" + HOST +
                         b"Transfer-Encoding: gzip, chunked\r\n\r\n"),
    "space before a colon": (400, b"POST / HTTP/1.1\r\n" + HOST +
                             b"Content-Length : 5\r\n\r\nhello"),
    "bare line feeds": (505, b"POST / HTTP/1.1\n" + b"Host: h\n\n"),
    "bad chunk": (400, request(path_of("Get"), None, headers={
        "transfer-encoding": "chunked"}) + b"zz\r\n"),
    "large head": (431, b"POST / HTTP/1.1\r\n" + HOST +
                   b"X: " + b"x" * 20_000 + b"\r\n\r\n"),
    "many headers": (431, b"POST / HTTP/1.1\r\n" + HOST +
                     b"x: y\r\n" * 600 + b"\r\n"),
    "large body": (413, b"POST / HTTP/1.1\r\n" + HOST +
                   b"Content-Length: 99999999\r\n\r\n"),
    "a native call": (415, request(path_of("Get"), frame(b""),
                                   content_type="application/grpc")),
    "a head alone": (405, b"HEAD / HTTP/1.1\r\n" + HOST + b"\r\n"),
    "a tunnel": (400, b"CONNECT h:1 HTTP/1.1\r\n" + HOST + b"\r\n"),
}


@pytest.mark.parametrize("name", BAD_HEADS)
def test_bad_requests(server, name):
    code, data = BAD_HEADS[name]
    before = len(server.open_files())
    with Page(server.socket_address) as page:
        assert page.call("Get", get(b"k")).status == 0
        # Nothing that stands behind it is served.
        page.send(data + request(path_of("Get"), frame(b"\x0a\x01k")))
        answer = page.answer()
        assert answer.code == code, answer
        assert answer.headers["connection"] == "close"
        assert page.at_end()
    wait_for(lambda: len(server.open_files()) <= before)


@pytest.mark.parametrize("code, data", [
    (405, request("/", None, method="GET")),
    (415, request(path_of("Get"), b"{}", content_type="application/json")),
    (415, request(path_of("Get"), frame(b""), content_type=None)),
])
def test_what_is_no_call_is_told_in_http(page, code, data):
    page.send(data)
    assert page.answer().code == code
    assert page.at_end()


def test_the_client_may_end_the_connection(page):
    answer = page.call("Get", get(b"k"), headers={"connection": "close"})
    assert answer.status == 0 and answer.headers["connection"] == "close"
    assert page.at_end()


def test_a_client_that_goes_ends_its_call(fresh):
    with Page(fresh.socket_address) as page:
        page.send(request("/grpc.health.v1.Health/Watch", frame(b"")))
        assert page.head()[0] == 200
        assert health.HealthCheckResponse.FromString(
            page.chunk()[5:]).status == health.HealthCheckResponse.SERVING
        assert scrape(fresh).value("latchkey_live_calls") == 1
    wait_for(lambda: scrape(fresh).value("latchkey_live_calls") == 0)


def test_a_reader_that_stops_holds_the_scan_and_no_memory(start_server):
    server = start_server("--threads=1", "--bulk-threads=1",
                          "--memory-max-bytes=1073741824")
    with Client(server.address) as client:
        for number in range(64):
            client.Put(key=b"%03d" % number, value=value_of("v", 1024 * 1024))

    def resident():
        with open(f"/proc/{server.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * 4096

    before = resident()
    pages = []
    for _ in range(8):
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.connect(server.socket_address)
        raw.sendall(request(path_of("Scan"), frame(b"")))
        pages.append(raw)
    wait_for(lambda: scrape(server).value("latchkey_live_calls") == 8)
    # All that they asked for is 512 MiB.  What is held by now is: a message of
    # about 1 MiB each, and as much on its way.
    with Client(server.address) as client:
        for _ in range(200):
            client.Get(key=b"000")
    assert scrape(server).value("latchkey_live_calls") == 8
    # A sanitizer keeps what was freed: up to 256 MiB.
    assert SANITIZED or resident() - before < 64 * 1024 * 1024
    for raw in pages:
        raw.close()
    wait_for(lambda: scrape(server).value("latchkey_live_calls") == 0)


def test_calls_are_counted_as_others(fresh):
    with Page(fresh.socket_address) as page:
        for _ in range(3):
            assert page.call("Get", get(b"k")).status == 0
        assert page.call("Get", get(b"")).status == 3
    metrics = scrape(fresh)
    for code, count in (("OK", 3), ("INVALID_ARGUMENT", 1)):
        assert metrics.get("latchkey_commands_total", service=SERVICE,
                           cmd="Get", code=code) == count


def test_connections_count(start_server):
    server = start_server("--threads=1", "--connections-max=2")
    with Page(server.socket_address) as one, (
            Page(server.socket_address)) as two:
        for page in (one, two):
            assert page.call("Get", get(b"k")).status == 0
        with Page(server.socket_address) as three:
            assert three.at_end()


def test_a_drain(start_server):
    server = start_server("--threads=1", "--drain-seconds=30")
    with Page(server.socket_address) as idle, (
            Page(server.socket_address)) as busy, (
                Client(server.address)) as client:
        assert idle.call("Get", get(b"k")).status == 0
        lease = pb.LeaseRequest(wait=True)
        lease.ttl.seconds = 30
        client.Get(key=b"k", lease=lease)
        busy.send(request(path_of("Get"), frame(pb.GetRequest(
            key=b"k", lease=lease).SerializeToString())))
        wait_for(lambda: scrape(server).value("latchkey_live_calls") == 1)
        server.signal(signal.SIGTERM)
        answer = busy.answer()
        assert answer.status == StatusCode.UNAVAILABLE.value[0]
        assert reason_of(answer) == "DRAINING"
        assert busy.at_end() and idle.at_end()
    server.wait()


def test_overload_is_told_with_a_pushback(start_server):
    server = start_server("--threads=1", "--calls-max=1")
    lease = pb.LeaseRequest(wait=True)
    lease.ttl.seconds = 30
    with Client(server.address) as client, (
            Page(server.socket_address)) as waiting, (
                Page(server.socket_address)) as page:
        client.Get(key=b"k", lease=lease)
        waiting.send(request(path_of("Get"), frame(pb.GetRequest(
            key=b"k", lease=lease).SerializeToString())))
        wait_for(lambda: scrape(server).value("latchkey_live_calls") == 1)
        answer = page.call("Get", get(b"a"))
        assert answer.status == StatusCode.UNAVAILABLE.value[0]
        assert reason_of(answer) == "OVERLOADED"
        assert int(answer.headers["grpc-retry-pushback-ms"]) > 0


def test_native_clients_beside_pages(start_server, keys):
    server = start_server("--threads=1")
    pages = [Page(server.socket_address) for _ in range(20)]
    with Client(server.address) as client:
        for page in pages:
            page.send(request("/grpc.health.v1.Health/Watch", frame(b"")))
        for page in pages:
            assert page.head()[0] == 200
        began = time.monotonic()
        for _ in range(50):
            client.Put(key=keys("a"), value=b"1")
        assert time.monotonic() - began < PATIENCE_SECONDS
    for page in pages:
        page.close()


def test_the_grpc_library_serves_none(start_server):
    server = start_server("--threads=1", transport="grpc")
    with socket.create_connection(server.socket_address,
                                  timeout=PATIENCE_SECONDS) as raw:
        raw.sendall(request(path_of("Get"), frame(b"\x0a\x01k")))
        answer = raw.makefile("rb").read()
        assert not answer.startswith(b"HTTP/1.1 200")
    with grpc.insecure_channel(server.address) as channel:
        grpc.channel_ready_future(channel).result(timeout=PATIENCE_SECONDS)
