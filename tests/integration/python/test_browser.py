"""Web pages in Chromium that call the server, and such as may not."""

import contextlib
import http.server
import json
import queue
import shutil
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from api import pb
from certificates import Authority, CertificateFiles
from client import Client
from conftest import value_of
from metrics import scrape, wait_for
from server_process import PATIENCE_SECONDS, TRANSPORT
from tokens import TokensFile

CHROMIUM = shutil.which("chromium")
README = Path(__file__).resolve().parents[3] / "README.md"

pytestmark = [
    pytest.mark.skipif(TRANSPORT != "native",
                       reason="the gRPC library speaks no gRPC-Web"),
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]

# Behind each page: what it finds out is an object, which comes back to us.
TELL = """
const tell = (what) => fetch("/tell", {method: "POST",
                                       body: JSON.stringify(what)});
window.addEventListener("error", (event) => tell({error: event.message}));
window.addEventListener("unhandledrejection",
                        (event) => tell({error: String(event.reason)}));
"""

# A call, with all that a page can see of its answer.
CALL = """
async function call(method, bytes, options = {}) {
  let body = new Uint8Array([0, 0, 0, 0, bytes.length, ...bytes]);
  if (options.text) body = btoa(String.fromCharCode(...body));
  try {
    const response = await fetch(SERVER + method, {
      method: "POST", body, signal: options.signal,
      headers: {"content-type": "application/grpc-web" +
                (options.text ? "-text" : "") + "+proto",
                "x-grpc-web": "1", ...options.headers}});
    if (options.signal) return response;
    let answer = await response.bytes();
    if (options.text) {
      const parts = new TextDecoder().decode(answer).match(/.{4}/g) ?? [];
      answer = parts.flatMap((part) => [...atob(part)].map(
          (c) => c.charCodeAt(0)));
    }
    return {code: response.status, status: response.headers.get("grpc-status"),
            details: response.headers.get("grpc-status-details-bin"),
            body: [...answer]};
  } catch (error) {
    return {blocked: error.name};
  }
}
"""


class Site:
    """Serves its `page`, and hears what that has to tell.  Its request for
    "/go" is answered when `may_go` is set."""

    def __init__(self):
        self.page = ""
        self.told = queue.Queue()
        self.may_go = threading.Event()
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                if self.path == "/go":
                    assert site.may_go.wait(PATIENCE_SECONDS)
                self._answer(site.page.encode() if self.path == "/" else b"")

            def do_POST(self):
                size = int(self.headers["content-length"])
                site.told.put(json.loads(self.rfile.read(size)))
                self._answer(b"")

            def _answer(self, body):
                self.send_response(200)
                self.send_header("content-type", "text/html; charset=utf-8")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                       Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(name="browse")
def fixture_browse(tmp_path):
    """Opens the page of a site, and returns the first thing that it tells."""
    with contextlib.ExitStack() as ends:

        def browse(site, host="127.0.0.1"):
            ends.callback(site.close)
            browser = subprocess.Popen(
                [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu",
                 "--disable-dev-shm-usage", "--ignore-certificate-errors",
                 f"--user-data-dir={tmp_path / 'chromium'}",
                 f"http://{host}:{site.port}/"],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL)
            ends.callback(browser.wait, PATIENCE_SECONDS)
            ends.callback(browser.terminate)
            return site.told.get(timeout=PATIENCE_SECONDS)

        yield browse


def page_of(server, script, scheme="http"):
    host, port = server.socket_address
    return (f"<!doctype html><script>{TELL}"
            f'const SERVER = "{scheme}://{host}:{port}/latchkey.v1.Cache/";'
            f"{CALL}(async () => tell(await (async () => {{{script}}})()))();"
            "</script>")


def frames(body):
    """Flags and bytes of the frames."""
    body, found = bytes(body), []
    while body:
        end = 5 + int.from_bytes(body[1:5], "big")
        found.append((body[0], body[5:end]))
        body = body[end:]
    return found


def listed(message):
    return json.dumps(list(message.SerializeToString()))


def test_the_page_of_the_readme(start_server, browse):
    page = README.read_text().split("```html\n", 1)[1].split("```", 1)[0]
    site = Site()
    server = start_server("--threads=1",
                          f"--cors-origin=http://127.0.0.1:{site.port}")
    assert page.count("http://127.0.0.1:7411") == 1
    site.page = page.replace("127.0.0.1:7411", server.address) + (
        f"<script>{TELL}"
        "new MutationObserver(() => {"
        "  const text = document.getElementById('out').textContent;"
        "  if (/done|Error/.test(text)) tell(text);"
        "}).observe(document.getElementById('out'), {childList: true});"
        "</script>")
    assert browse(site) == "hello, page\nscanned\ndone\n"
    with Client(server.address) as client:
        assert client.Get(key=b"greeting").entry.value == b"hello, page"


@pytest.mark.parametrize("text", [False, True])
def test_calls_and_errors(start_server, browse, text):
    site = Site()
    server = start_server("--threads=1",
                          f"--cors-origin=http://127.0.0.1:{site.port}")
    with Client(server.address) as client:
        for number in range(40):
            client.Put(key=b"s%02d" % number, value=value_of("v", 50_000))
    options = json.dumps({"text": text, "headers": {"grpc-timeout": "20S"}})
    site.page = page_of(server, f"""
        const options = {options};
        return [
          await call("Put", {listed(pb.PutRequest(key=b"k", value=b"v"))},
                     options),
          await call("Get", {listed(pb.GetRequest(key=b"k"))}, options),
          await call("Get", [], options),
          await call("Scan", {listed(pb.ScanRequest(prefix=b"s",
                                                    page_size=4))}, options),
        ];""")
    put, got, failed, scanned = browse(site)
    assert frames(put["body"])[-1] == (0x80, b"grpc-status: 0\r\n")
    flag, message = frames(got["body"])[0]
    assert flag == 0
    assert pb.GetResponse.FromString(message).entry.value == b"v"
    # What a page sees of an error is in headers that it was let see.
    assert failed["status"] == "3" and failed["details"]
    *messages, (last, trailers) = frames(scanned["body"])
    assert last == 0x80 and trailers == b"grpc-status: 0\r\n"
    assert len(messages) >= 10
    assert sum(len(pb.ScanResponse.FromString(message).entries)
               for _, message in messages) == 40


def test_another_origin_is_blocked(start_server, browse):
    site = Site()
    server = start_server("--threads=1",
                          f"--cors-origin=http://127.0.0.1:{site.port}")
    site.page = page_of(server, f"""
        return await call("Put", {listed(pb.PutRequest(key=b"k",
                                                       value=b"v"))});""")
    # The same page, from an origin that is not allowed.
    assert browse(site, host="localhost") == {"blocked": "TypeError"}
    with Client(server.address) as client:
        assert not client.Get(key=b"k").HasField("entry")


def test_by_default_no_page_may_call(start_server, browse):
    server = start_server("--threads=1")
    site = Site()
    site.page = page_of(server, """
        return [await call("Get", [10, 1, 107]),
                // What needs no question to be asked before.
                await fetch(SERVER + "Get", {method: "POST", mode: "no-cors",
                    body: new Uint8Array([0, 0, 0, 0, 3, 10, 1, 107])}).then(
                        (response) => response.type)];""")
    assert browse(site) == [{"blocked": "TypeError"}, "opaque"]
    # Neither reached a handler.
    assert scrape(server).value("latchkey_commands_processed_total") == 0


def test_a_page_that_gives_up_ends_its_call(start_server, browse):
    site = Site()
    server = start_server("--threads=1",
                          f"--cors-origin=http://127.0.0.1:{site.port}")
    lease = pb.LeaseRequest(wait=True)
    lease.ttl.seconds = 30
    with Client(server.address) as client:
        client.Get(key=b"k", lease=lease)
    site.page = page_of(server, f"""
        const abort = new AbortController();
        call("Get", {listed(pb.GetRequest(key=b"k", lease=lease))},
             {{signal: abort.signal}});
        await fetch("/go");
        abort.abort();
        return "gave up";""")
    with ThreadPoolExecutor() as pool:
        told = pool.submit(browse, site)
        wait_for(lambda: scrape(server).value("latchkey_live_calls") == 1)
        site.may_go.set()
        assert told.result() == "gave up"
    # The browser is still there.
    wait_for(lambda: scrape(server).value("latchkey_live_calls") == 0)


def test_tokens_over_tls(start_server, browse, tmp_path):
    ours = Authority("ours")
    site = Site()
    server = start_server(
        "--threads=1", f"--cors-origin=http://127.0.0.1:{site.port}",
        TokensFile(tmp_path / "tokens", ("ann", "ann-s3cret")).option(),
        *CertificateFiles(tmp_path, ours.issue("server")).options())
    # By HTTP/2, which browsers speak over TLS only.
    site.page = page_of(server, """
        const ann = {headers: {authorization: "Bearer ann-s3cret"}};
        return [await call("Get", [10, 1, 107]),
                await call("Get", [10, 1, 107], ann)];""", scheme="https")
    refused, answered = browse(site)
    assert refused["status"] == "16"
    assert frames(answered["body"])[-1] == (0x80, b"grpc-status: 0\r\n")
