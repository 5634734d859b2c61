"""HTTP/2 as bytes, for frames that no library would send, and what a server is
expected to make of them.

A Case is bytes to be sent behind a handshake, and the Outcome that RFC 9113 and
gRPC's protocol over HTTP/2 ask for.  Header blocks are written without HPACK's
dynamic table, so that they mean the same in every place.

Example:
  case = Case("PING of 7 bytes", lambda s: frame(PING, 0, 0, bytes(7)),
              connection_error(FRAME_SIZE_ERROR))
  run_case(address, case, warm=True)
"""

import dataclasses
import socket
import typing

import hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

# Types of frames.
(DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY,
 WINDOW_UPDATE, CONTINUATION) = range(10)
TYPES = {"DATA": DATA, "HEADERS": HEADERS, "PRIORITY": PRIORITY,
         "RST_STREAM": RST_STREAM, "SETTINGS": SETTINGS,
         "PUSH_PROMISE": PUSH_PROMISE, "PING": PING, "GOAWAY": GOAWAY,
         "WINDOW_UPDATE": WINDOW_UPDATE, "CONTINUATION": CONTINUATION}

# Flags.
ACK = END_STREAM = 0x1
END_HEADERS = 0x4
PADDED = 0x8
HAS_PRIORITY = 0x20

# Codes of HTTP/2's errors.
(NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT,
 STREAM_CLOSED, FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL, COMPRESSION_ERROR,
 CONNECT_ERROR, ENHANCE_YOUR_CALM) = range(12)

GET = "/latchkey.v1.Cache/Get"
WATCH = "/grpc.health.v1.Health/Watch"

# How long a server may take to say something, in a sanitizer build.
ANSWER_SECONDS = 20

# A GetRequest of the key "k".
GET_REQUEST = b"\x0a\x01k"


def number(value, size=4):
    return value.to_bytes(size, "big")


def frame(kind, flags, stream, payload=b"", size=None):
    """A frame, which may lie about its size."""
    size = len(payload) if size is None else size
    return number(size, 3) + bytes([kind, flags]) + number(stream) + payload


def integer(value, bits, first=0):
    """HPACK's integer with a prefix of `bits`; `first` has the bits before."""
    most = 2**bits - 1
    if value < most:
        return bytes([first | value])
    out, value = bytearray([first | most]), value - most
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    out.append(value)
    return bytes(out)


def string(text):
    text = text if isinstance(text, bytes) else text.encode()
    return integer(len(text), 7) + text


def header(name, value):
    """A header that changes no table."""
    return b"\x00" + string(name) + string(value)


def block(*headers):
    return b"".join(header(name, value) for name, value in headers)


PSEUDO = ((":method", "POST"), (":scheme", "http"), (":authority", "localhost"))
GRPC = (("te", "trailers"), ("content-type", "application/grpc"))


def call_headers(path=GET, *more):
    return (*PSEUDO, (":path", path), *GRPC, *more)


def open_call(stream, path=GET, *more, flags=0):
    """HEADERS of a call."""
    return frame(HEADERS, END_HEADERS | flags, stream,
                 block(*call_headers(path, *more)))


def message(body=GET_REQUEST, flag=0, size=None):
    size = len(body) if size is None else size
    return bytes([flag]) + number(size) + body


def data(stream, payload, flags=END_STREAM):
    return frame(DATA, flags, stream, payload)


def call(stream, path=GET, *more):
    """A whole call of Get, or one with other headers."""
    return open_call(stream, path, *more) + data(stream, message())


def watch(stream, flags=0):
    """A call that stays open."""
    return open_call(stream, WATCH) + data(stream, message(b""), flags)


def reset(stream, code=CANCEL):
    return frame(RST_STREAM, 0, stream, number(code))


def window(stream, more):
    return frame(WINDOW_UPDATE, 0, stream, number(more))


def settings(*pairs):
    return frame(SETTINGS, 0, 0, b"".join(
        number(name, 2) + number(value) for name, value in pairs))


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What becomes of a case: of its stream, or of its connection."""
    kind: str
    codes: tuple


def connection_error(*codes):
    """GOAWAY with one of these codes, and the end of the connection.  None among
    them: the end may come without a word."""
    return Outcome("connection", codes)


def stream_error(*codes):
    return Outcome("reset", codes)


def grpc_status(*codes):
    return Outcome("grpc", codes)


def http_status(*codes):
    return Outcome("http", codes)


# Nothing comes of it, and the connection goes on.
ignored = Outcome("ignored", ())
answered = grpc_status(0)


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    # The bytes, given the number of a stream that was not used yet; or a list,
    # of which each part is sent when the server has answered to the one before.
    make: typing.Callable[[int], typing.Union[bytes, list]]
    outcome: Outcome


class RawConnection:
    """One connection.  What comes is noted by stream."""

    def __init__(self, address):
        self._socket = socket.create_connection(address,
                                                timeout=ANSWER_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._decoder = hpack.Decoder()
        self._received = b""
        self.closed = False
        self.goaway = None
        self.pongs = []
        self.resets = {}
        self.headers = {}
        self.bodies = {}
        self.ended = set()

    def send(self, payload):
        """Sends; a connection that the server has closed is no error."""
        try:
            self._socket.sendall(payload)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def handshake(self):
        self.send(PREFACE + settings())
        self.read_until(lambda: self.shook_hands)
        self.send(frame(SETTINGS, ACK, 0))

    shook_hands = False

    def read_until(self, done):
        """Reads frames until `done()` or the end."""
        while not done() and not self.closed:
            while len(self._received) >= 9:
                size = int.from_bytes(self._received[:3], "big") + 9
                if len(self._received) < size:
                    break
                self._note(self._received[:size])
                self._received = self._received[size:]
            if done():
                return
            try:
                more = self._socket.recv(65536)
            except TimeoutError:
                raise AssertionError(f"nothing more came: {self}") from None
            except ConnectionResetError:
                more = b""
            self._received += more
            self.closed = not more

    def _note(self, received):
        kind, flags = received[3], received[4]
        stream = int.from_bytes(received[5:9], "big")
        payload = received[9:]
        if kind == HEADERS:
            assert flags & END_HEADERS, "a server's headers fit one frame"
            fields = self._decoder.decode(payload)
            self.headers.setdefault(stream, {}).update(
                (str(name), str(value)) for name, value in fields)
        elif kind == DATA:
            self.bodies[stream] = self.bodies.get(stream, b"") + payload
        elif kind == RST_STREAM:
            self.resets.setdefault(stream, int.from_bytes(payload, "big"))
        elif kind == GOAWAY:
            self.goaway = int.from_bytes(payload[4:8], "big")
        elif kind == PING and flags & ACK:
            self.pongs.append(payload)
        elif kind == SETTINGS and not flags & ACK:
            self.shook_hands = True
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            self.ended.add(stream)

    def is_over(self, stream):
        return stream in self.ended or stream in self.resets

    def ping(self):
        """Returns when the server has seen all that was sent before."""
        before = len(self.pongs)
        self.send(frame(PING, 0, 0, b"are you?"))
        self.read_until(lambda: len(self.pongs) > before)

    def get(self, stream):
        """Makes a good call; returns whether it was answered."""
        self.send(call(stream))
        self.read_until(lambda: self.is_over(stream))
        return self.headers.get(stream, {}).get("grpc-status") == "0"

    def close(self):
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __repr__(self):
        return (f"closed={self.closed} goaway={self.goaway} "
                f"resets={self.resets} headers={self.headers} "
                f"bodies={ {k: v[:40] for k, v in self.bodies.items()} }")


def connect(address, warm):
    """A connection after its handshake, and its first free stream.

    A warm one has made calls with equal header blocks, which a server may have
    learnt to answer in a shorter way.
    """
    connection = RawConnection(address)
    connection.handshake()
    if not warm:
        return connection, 1
    for stream in (1, 3, 5, 7):
        assert connection.get(stream), connection
    return connection, 9


def check_case(address, case, warm):
    """Sends a case, and fails where its outcome is another."""
    connection, stream = connect(address, warm)
    with connection:
        _send(connection, case.make(stream))
        if case.outcome.kind == "connection":
            connection.read_until(lambda: False)
            assert connection.goaway in case.outcome.codes, connection
            return
        if case.outcome.kind != "ignored":
            connection.read_until(lambda: connection.is_over(stream))
        connection.ping()
        assert not connection.closed and connection.goaway is None, connection
        _check_stream(connection, stream, case.outcome)
        # Nothing else of the connection has suffered.
        assert connection.get(stream + 1000), connection


def send_case(address, case, warm):
    """Sends a case, whatever its outcome, and is gone."""
    connection, stream = connect(address, warm)
    with connection:
        _send(connection, case.make(stream))


def _send(connection, payload):
    parts = payload if isinstance(payload, list) else [payload]
    connection.send(parts[0])
    for part in parts[1:]:
        connection.ping()
        connection.send(part)


def _check_stream(connection, stream, outcome):
    headers = connection.headers.get(stream, {})
    if outcome.kind == "ignored":
        assert stream not in connection.resets, connection
    elif outcome.kind == "reset":
        assert connection.resets.get(stream) in outcome.codes, connection
        assert headers.get("grpc-status") != "0", connection
    elif outcome.kind == "grpc":
        assert headers.get(":status") == "200", connection
        assert headers["content-type"] == "application/grpc", connection
        assert int(headers["grpc-status"]) in outcome.codes, connection
    else:
        assert int(headers.get(":status", 0)) in outcome.codes, connection
        assert "grpc-status" not in headers, connection
