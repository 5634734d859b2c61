"""gRPC-Web as bytes over HTTP/1.1, for what no library would send, too.

Example:
  with Page(server.socket_address) as page:
      answer = page.call("Get", pb.GetRequest(key=b"k"), pb.GetResponse)
      assert answer.status == 0 and answer.messages[0].entry.value == b"v"
"""

import base64
import dataclasses
import socket

from server_process import PATIENCE_SECONDS

BINARY = "application/grpc-web+proto"
TEXT = "application/grpc-web-text+proto"
TRAILERS = 0x80


def frame(message, flag=0):
    return bytes([flag]) + len(message).to_bytes(4, "big") + message


def request(path, body=b"", headers=(), method="POST", content_type=BINARY):
    """A request with `body`, or, where that is None, without one and without a
    word of it.  A header of None is left out."""
    merged = {"host": "localhost", "content-type": content_type,
              **({} if body is None else {"content-length": len(body)}),
              **dict(headers)}
    lines = [f"{method} {path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in merged.items()
              if value is not None]
    return "\r\n".join(lines + ["", ""]).encode() + (body or b"")


def chunks(body, size):
    """`body` in chunks of `size` bytes."""
    parts = [body[at:at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part)
                    for part in parts + [b""])


def path_of(name):
    return name if name.startswith("/") else f"/latchkey.v1.Cache/{name}"


@dataclasses.dataclass
class Answer:
    code: int
    headers: dict
    body: bytes

    def frames(self):
        """The frames of the body, as pairs of a flag and bytes."""
        body = self.body
        if self.headers["content-type"] == TEXT:
            # Each part that was encoded for itself ends in padding, or not.
            body = b"".join(base64.b64decode(body[at:at + 4], validate=True)
                            for at in range(0, len(body), 4))
        else:
            assert self.headers["content-type"] == BINARY, self.headers
        found = []
        while body:
            size = int.from_bytes(body[1:5], "big")
            assert len(body) >= 5 + size, body
            found.append((body[0], body[5:5 + size]))
            body = body[5 + size:]
        return found

    @property
    def trailers(self):
        """Of the last frame, or, where the call failed at once, of the head."""
        frames = self.frames()
        if not frames:
            return self.headers
        assert [flag for flag, _ in frames].count(TRAILERS) == 1
        assert frames[-1][0] == TRAILERS, frames
        lines = frames[-1][1].decode().split("\r\n")
        assert lines.pop() == ""
        return dict(line.split(": ", 1) for line in lines)

    @property
    def status(self):
        return int(self.trailers["grpc-status"])

    def messages(self, kind):
        return [kind.FromString(body) for flag, body in self.frames()
                if flag != TRAILERS]


class Page:
    """One connection; `context` is of Python's ssl."""

    def __init__(self, address, context=None):
        self.socket = socket.create_connection(address,
                                               timeout=PATIENCE_SECONDS)
        if context is not None:
            self.socket = context.wrap_socket(self.socket,
                                              server_hostname="localhost")
        self._file = self.socket.makefile("rb")

    def send(self, data):
        self.socket.sendall(data)

    def head(self):
        """The next status and headers."""
        version, code, _ = self._file.readline().decode().split(" ", 2)
        assert version == "HTTP/1.1"
        headers = {}
        while (line := self._file.readline().rstrip(b"\r\n")):
            name, value = line.decode().split(": ", 1)
            assert name not in headers, name
            headers[name] = value
        return int(code), headers

    def chunk(self):
        """The next chunk; the last is empty."""
        size = int(self._file.readline(), 16)
        data = self._file.read(size)
        assert self._file.readline() == b"\r\n"
        return data

    def answer(self):
        code, headers = self.head()
        body = b""
        if headers.get("transfer-encoding") == "chunked":
            assert "content-length" not in headers
            while (part := self.chunk()):
                body += part
        elif code != 204:
            body = self._file.read(int(headers["content-length"]))
        return Answer(code, headers, body)

    def call_bytes(self, name, body, **options):
        if options.get("content_type", BINARY) == TEXT:
            body = base64.b64encode(body)
        self.send(request(path_of(name), body, **options))
        return self.answer()

    def call(self, name, message, **options):
        return self.call_bytes(name, frame(message.SerializeToString()),
                               **options)

    def preflight(self, name, origin, headers="content-type,x-grpc-web"):
        self.send(request(path_of(name), None, method="OPTIONS", headers={
            "content-type": None, "origin": origin,
            "access-control-request-method": "POST",
            "access-control-request-headers": headers}))
        return self.answer()

    def at_end(self):
        """Whether the server has closed the connection and said no more."""
        try:
            return self._file.read() == b""
        except ConnectionResetError:
            return True

    def close(self):
        self._file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
