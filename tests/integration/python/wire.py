"""A gRPC client of HTTP/2 frames, for what grpcio would never send.

Example:
  with Wire(server.socket_address) as wire:
      answer = wire.call("/latchkey.v1.Cache/Get", frame(request_bytes))
      assert answer.status == 0
"""

import dataclasses
import socket

import h2.config
import h2.connection
import h2.events
import h2.exceptions
from server_process import PATIENCE_SECONDS

HEADERS = {
    ":method": "POST",
    ":scheme": "http",
    ":authority": "localhost",
    "te": "trailers",
    "content-type": "application/grpc",
}


def frame(message, compressed=0, size=None):
    """A message with its prefix, which may lie about it."""
    size = len(message) if size is None else size
    return bytes([compressed]) + size.to_bytes(4, "big") + message


@dataclasses.dataclass
class Answer:
    headers: dict = dataclasses.field(default_factory=dict)
    body: bytes = b""
    # Whether the server ended the stream by a reset or closed the connection.
    broken: bool = False

    @property
    def status(self):
        """The gRPC status code, or None."""
        status = self.headers.get("grpc-status")
        return None if status is None else int(status)

    @property
    def refused(self):
        """Whether it is anything but the OK of a gRPC call."""
        return self.broken or self.status != 0


class Wire:
    """One connection, used for one stream after the other."""

    def __init__(self, address):
        self._socket = socket.create_connection(address,
                                                timeout=PATIENCE_SECONDS)
        # What is sent is the test's affair: no checks, no corrections.
        self.http = h2.connection.H2Connection(config=h2.config.H2Configuration(
            header_encoding="utf-8", validate_outbound_headers=False,
            normalize_outbound_headers=False))
        self.http.initiate_connection()
        self.flush()

    def flush(self):
        self._socket.sendall(self.http.data_to_send())

    def start(self, path, headers=None, end_stream=False):
        """Opens a stream; a header of value None is left out."""
        stream = self.http.get_next_available_stream_id()
        # HTTP/2 wants those with a colon first.
        merged = {":path": path, **HEADERS, **(headers or {})}
        self.http.send_headers(
            stream, [item for item in merged.items() if item[1] is not None],
            end_stream=end_stream)
        self.flush()
        return stream

    def send(self, stream, data, end_stream=True, chunk=None):
        """Sends data in DATA frames of `chunk` bytes."""
        chunk = chunk or max(1, len(data))
        for begin in range(0, len(data), chunk):
            last = begin + chunk >= len(data)
            self.http.send_data(stream, data[begin:begin + chunk],
                                end_stream=end_stream and last)
            self.flush()
        if not data:
            self.http.end_stream(stream)
            self.flush()

    def reset(self, stream):
        self.http.reset_stream(stream, error_code=8)
        self.flush()

    def call(self, path, data, headers=None, chunk=None):
        """Sends a whole request and returns the Answer."""
        stream = self.start(path, headers)
        self.send(stream, data, chunk=chunk)
        return self.answer(stream)

    def answer(self, stream):
        answer = Answer()
        while True:
            try:
                received = self._socket.recv(65536)
            except ConnectionResetError:
                received = b""
            if not received:
                answer.broken = True
                return answer
            try:
                events = self.http.receive_data(received)
            except h2.exceptions.StreamClosedError:
                # gRPC's library sends a reset before the trailers of a call
                # whose deadline has passed.
                answer.broken = True
                return answer
            ended = self._note(answer, stream, events)
            self.flush()
            if ended:
                return answer

    def _note(self, answer, stream, events):
        """Puts what `events` say of a stream into its answer; returns whether
        the stream is over."""
        ended = False
        for event in events:
            if isinstance(event, h2.events.ConnectionTerminated):
                answer.broken = ended = True
            if getattr(event, "stream_id", None) != stream:
                continue
            if isinstance(event, (h2.events.ResponseReceived,
                                  h2.events.TrailersReceived)):
                answer.headers.update(event.headers)
            elif isinstance(event, h2.events.DataReceived):
                answer.body += event.data
                self.http.acknowledge_received_data(
                    event.flow_controlled_length, stream)
            elif isinstance(event, h2.events.StreamReset):
                # After an answer a reset only says: send no more.
                answer.broken = answer.status is None
                ended = True
            elif isinstance(event, h2.events.StreamEnded):
                ended = True
        return ended

    def close(self):
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
