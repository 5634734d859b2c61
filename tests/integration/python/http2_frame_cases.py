"""Frames that HTTP/2 (RFC 9113) forbids, or allows though no client of gRPC
would send them."""

from raw_http2 import (ACK, CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM,
                       ENHANCE_YOUR_CALM, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR,
                       GET, GOAWAY, HAS_PRIORITY, HEADERS, INTERNAL_ERROR, NO_ERROR, PADDED,
                       PING, PRIORITY, PROTOCOL_ERROR, PUSH_PROMISE,
                       RST_STREAM, SETTINGS, STREAM_CLOSED, TYPES, WATCH,
                       WINDOW_UPDATE, Case, answered, block, call, call_headers,
                       connection_error, data, frame, grpc_status, ignored,
                       message, number, open_call, reset, settings,
                       stream_error, watch, window)

MOST = 2**31 - 1


def _wrong_sizes():
    """Of frames whose size is fixed, or a multiple."""
    rows = [(PRIORITY, (0, 1, 4, 6, 10), "s"), (RST_STREAM, (0, 3, 5, 8), "s"),
            (SETTINGS, (1, 5, 7, 13), "0"), (PING, (0, 1, 7, 9, 16), "0"),
            (GOAWAY, (0, 1, 4, 7), "0"), (WINDOW_UPDATE, (0, 3, 5, 8), "0"),
            (WINDOW_UPDATE, (0, 3, 5, 8), "s")]
    names = {kind: name for name, kind in TYPES.items()}
    for kind, sizes, where in rows:
        for size in sizes:
            def make(s, kind=kind, size=size, where=where):
                bad = frame(kind, 0, s if where == "s" else 0, bytes(size))
                return (open_call(s) if where == "s" else b"") + bad
            yield Case(f"{names[kind]} of {size} bytes on {where}", make,
                       connection_error(FRAME_SIZE_ERROR))
    yield Case("SETTINGS ACK with a setting",
               lambda s: frame(SETTINGS, ACK, 0, bytes(6)),
               connection_error(FRAME_SIZE_ERROR))
    yield Case("SETTINGS ACK with a byte",
               lambda s: frame(SETTINGS, ACK, 0, b"x"),
               connection_error(FRAME_SIZE_ERROR))
    # The largest frame is 16 KiB.
    for name, kind in [*TYPES.items(), ("unknown", 0x42)]:
        for size in (16_385, 2**24 - 1):
            def make_large(s, kind=kind, size=size):
                on = 0 if kind in (SETTINGS, PING, GOAWAY) else s
                begin = open_call(s) if kind in (DATA, RST_STREAM) else b""
                if kind == CONTINUATION:
                    begin = frame(HEADERS, 0, s, block(*call_headers()))
                return begin + frame(kind, 0, on, b"", size)
            yield Case(f"{name} that says {size} bytes", make_large,
                       connection_error(FRAME_SIZE_ERROR))


def _wrong_streams():
    names = {kind: name for name, kind in TYPES.items()}
    body = {DATA: b"x", HEADERS: block(*call_headers()), PRIORITY: bytes(5),
            RST_STREAM: number(CANCEL), CONTINUATION: b"",
            PUSH_PROMISE: number(2) + block(*call_headers())}
    for kind, payload in body.items():
        yield Case(f"{names[kind]} on stream 0",
                   lambda s, kind=kind, payload=payload:
                   frame(kind, END_HEADERS, 0, payload),
                   connection_error(PROTOCOL_ERROR))
    for kind, payload in ((SETTINGS, b""), (PING, bytes(8)),
                          (GOAWAY, bytes(8))):
        for stream in (1, 2, 101, MOST):
            yield Case(f"{names[kind]} on stream {stream}",
                       lambda s, kind=kind, payload=payload, stream=stream:
                       frame(kind, 0, stream, payload),
                       connection_error(PROTOCOL_ERROR))
    for stream in (2, 4, 1000, MOST - 1):
        yield Case(f"HEADERS on stream {stream}",
                   lambda s, stream=stream: call(stream),
                   connection_error(PROTOCOL_ERROR))
        yield Case(f"DATA on stream {stream}, which is idle",
                   lambda s, stream=stream: data(stream, message()),
                   connection_error(PROTOCOL_ERROR))
        yield Case(f"WINDOW_UPDATE on stream {stream}, which is idle",
                   lambda s, stream=stream: window(stream, 1),
                   connection_error(PROTOCOL_ERROR))
        yield Case(f"RST_STREAM on stream {stream}, which is idle",
                   lambda s, stream=stream: reset(stream),
                   connection_error(PROTOCOL_ERROR))
    for name, make in {
            "DATA": lambda s: data(s + 100, message()),
            "empty DATA": lambda s: data(s + 100, b""),
            "WINDOW_UPDATE": lambda s: window(s + 100, 1),
            "CONTINUATION": lambda s: frame(CONTINUATION, END_HEADERS, s + 100),
            "PUSH_PROMISE": lambda s: frame(PUSH_PROMISE, END_HEADERS, s + 100,
                                            number(2)),
    }.items():
        yield Case(f"{name} on an idle stream", make,
                   connection_error(PROTOCOL_ERROR))
        yield Case(f"{name} on an idle stream, beside an open call",
                   lambda s, make=make: watch(s) + make(s),
                   connection_error(PROTOCOL_ERROR))
    # A client of the gRPC library does this; FrameFilter says why it may.
    yield Case("RST_STREAM on an idle stream, and a call",
               lambda s: call(s) + reset(s + 100) + call(s + 102), answered)
    for skip in (2, 4, 20):
        yield Case(f"HEADERS on a stream {skip} below the last",
                   lambda s, skip=skip: call(s + 20) + call(s + 20 - skip),
                   connection_error(PROTOCOL_ERROR))
    yield Case("the reserved bit of a stream's number",
               lambda s: open_call(s + 2**31) + data(s + 2**31, message()),
               answered)


def _states():
    """Frames after the end of a stream, from either side."""
    late = {
        "DATA": (lambda s: data(s, b"x"), True),
        "empty DATA": (lambda s: data(s, b""), True),
        "HEADERS": (call, True),
        "trailers": (lambda s: frame(HEADERS, END_HEADERS | END_STREAM, s,
                                     block(("x", "y"))), True),
        "WINDOW_UPDATE": (lambda s: window(s, 1), False),
        "RST_STREAM": (reset, False),
        "PRIORITY": (lambda s: frame(PRIORITY, 0, s, bytes(5)), False),
    }
    for name, (make, is_bad) in late.items():
        yield Case(f"{name} after the answer",
                   lambda s, make=make: call(s) + call(s + 2) + make(s),
                   connection_error(STREAM_CLOSED) if is_bad else ignored)
        yield Case(f"{name} after the end of an open call's request",
                   lambda s, make=make: watch(s, END_STREAM) + make(s),
                   connection_error(STREAM_CLOSED) if is_bad else ignored)
        # A client's threads may race: DATA costs the stream only.
        outcome = connection_error(STREAM_CLOSED) if is_bad else ignored
        if name.endswith("DATA"):
            outcome = stream_error(STREAM_CLOSED)
        for kind, begin in (("a reset", watch), ("a call's reset", open_call)):
            yield Case(f"{name} after {kind}",
                       lambda s, make=make, begin=begin:
                       begin(s) + reset(s) + make(s), outcome)
    yield Case("DATA of 16 KiB after a reset",
               lambda s: watch(s) + reset(s) + data(s, bytes(16_384)),
               stream_error(STREAM_CLOSED))
    yield Case("CONTINUATION after the end of a request",
               lambda s: watch(s, END_STREAM) +
               frame(CONTINUATION, END_HEADERS, s),
               connection_error(PROTOCOL_ERROR))
    yield Case("HEADERS of a call whose request is not whole",
               lambda s: open_call(s) + open_call(s), stream_error(
                   PROTOCOL_ERROR))
    yield Case("PUSH_PROMISE on an open stream",
               lambda s: watch(s) + frame(PUSH_PROMISE, END_HEADERS, s,
                                          number(2) + block(*call_headers())),
               connection_error(PROTOCOL_ERROR))
    yield Case("a reset, twice", lambda s: watch(s) + reset(s) + reset(s),
               ignored)
    for code in (NO_ERROR, PROTOCOL_ERROR, CANCEL, 0xffffffff):
        yield Case(f"a reset with code {code}",
                   lambda s, code=code: watch(s) + reset(s, code), ignored)
    yield Case("GOAWAY, and a call that goes on until it is reset",
               lambda s: watch(s) + frame(GOAWAY, 0, 0, bytes(8)) + reset(s),
               connection_error(None, NO_ERROR))


def _padding():
    block_of_call = block(*call_headers())
    for pad in (4, 5, 100, 255):
        yield Case(f"DATA of 4 bytes with padding of {pad}",
                   lambda s, pad=pad: open_call(s) + frame(
                       DATA, PADDED | END_STREAM, s,
                       bytes([pad]) + bytes(3)),
                   connection_error(PROTOCOL_ERROR))
    yield Case("HEADERS that are all padding",
               lambda s: frame(HEADERS, PADDED | END_HEADERS, s,
                               b"\x10" + bytes(10)),
               connection_error(PROTOCOL_ERROR))
    yield Case("padded DATA without the size of its padding",
               lambda s: open_call(s) + frame(DATA, PADDED, s),
               connection_error(FRAME_SIZE_ERROR, PROTOCOL_ERROR))
    yield Case("padded HEADERS without the size of their padding",
               lambda s: frame(HEADERS, PADDED | END_HEADERS, s),
               connection_error(FRAME_SIZE_ERROR, PROTOCOL_ERROR))
    for size in (0, 1, 4):
        yield Case(f"HEADERS with {size} bytes of a priority",
                   lambda s, size=size: frame(
                       HEADERS, HAS_PRIORITY | END_HEADERS, s, bytes(size)),
                   connection_error(FRAME_SIZE_ERROR))
    yield Case("HEADERS with priority and padding over their size",
               lambda s: frame(HEADERS, HAS_PRIORITY | PADDED | END_HEADERS, s,
                               b"\x06" + bytes(10)),
               connection_error(PROTOCOL_ERROR))
    yield Case("PUSH_PROMISE that is all padding",
               lambda s: watch(s) + frame(PUSH_PROMISE, PADDED | END_HEADERS, s,
                                          b"\x10" + bytes(8)),
               connection_error(PROTOCOL_ERROR))
    yield Case("a padded call",
               lambda s: frame(HEADERS, PADDED | END_HEADERS, s, b"\x07" +
                               block_of_call + bytes(7)) +
               frame(DATA, PADDED | END_STREAM, s, b"\x09" + message() +
                     bytes(9)), answered)
    yield Case("a call with a priority",
               lambda s: frame(HEADERS, HAS_PRIORITY | END_HEADERS, s,
                               number(0) + b"\x10" + block_of_call) +
               data(s, message()), answered)
    yield Case("PRIORITY of a stream on itself",
               lambda s: open_call(s) + frame(PRIORITY, 0, s, number(s) +
                                              b"\x10"),
               connection_error(PROTOCOL_ERROR))
    yield Case("HEADERS with a priority of a stream on itself",
               lambda s: frame(HEADERS, HAS_PRIORITY | END_HEADERS, s,
                               number(s) + b"\x10" + block_of_call),
               connection_error(PROTOCOL_ERROR))


def _settings():
    for name, pair, code in [
            ("ENABLE_PUSH 2", (2, 2), PROTOCOL_ERROR),
            ("ENABLE_PUSH of 32 bits", (2, 2**32 - 1), PROTOCOL_ERROR),
            ("INITIAL_WINDOW_SIZE 2^31", (4, 2**31), FLOW_CONTROL_ERROR),
            ("INITIAL_WINDOW_SIZE of 32 bits", (4, 2**32 - 1),
             FLOW_CONTROL_ERROR),
            ("MAX_FRAME_SIZE 0", (5, 0), PROTOCOL_ERROR),
            ("MAX_FRAME_SIZE 16383", (5, 16_383), PROTOCOL_ERROR),
            ("MAX_FRAME_SIZE 2^24", (5, 2**24), PROTOCOL_ERROR),
            ("MAX_FRAME_SIZE of 32 bits", (5, 2**32 - 1), PROTOCOL_ERROR),
            ("NO_RFC7540_PRIORITIES 2", (9, 2), PROTOCOL_ERROR)]:
        yield Case(f"SETTINGS {name}", lambda s, pair=pair: settings(pair),
                   connection_error(code))
    for name, pairs in {
            "HEADER_TABLE_SIZE 0": [(1, 0)],
            "HEADER_TABLE_SIZE of 32 bits": [(1, 2**32 - 1)],
            "MAX_CONCURRENT_STREAMS 0": [(3, 0)],
            "MAX_HEADER_LIST_SIZE 0": [(6, 0)],
            "MAX_FRAME_SIZE 2^24 - 1": [(5, 2**24 - 1)],
            "INITIAL_WINDOW_SIZE 2^31 - 1": [(4, MOST)],
            "none": [],
            "unknown ones": [(0x77, 1), (0xffff, 2**32 - 1), (0, 0)],
            "one that comes twice": [(4, 0), (4, 65_535)],
    }.items():
        yield Case(f"SETTINGS {name}, and a call",
                   lambda s, pairs=pairs: settings(*pairs) + call(s), answered)
    yield Case("SETTINGS that overflow a stream's window",
               lambda s: watch(s) + window(s, MOST - 65_535) +
               settings((4, MOST)) + settings((4, 65_535)),
               connection_error(FLOW_CONTROL_ERROR))
    yield Case("SETTINGS that overflow a call's window",
               lambda s: open_call(s) + window(s, MOST - 65_535) +
               settings((4, 65_536)), connection_error(FLOW_CONTROL_ERROR))
    yield Case("SETTINGS that fill a stream's window",
               lambda s: watch(s) + window(s, MOST - 65_535) +
               settings((4, 65_535)) + call(s + 2) + reset(s), ignored)
    yield Case("SETTINGS ACK for which there was no SETTINGS",
               lambda s: frame(SETTINGS, ACK, 0) * 2,
               connection_error(PROTOCOL_ERROR))
    yield Case("a window of 0, then of 1, then of enough",
               lambda s: settings((4, 0)) + call(s) + window(s, 1) +
               window(s, 1_000) + settings((4, 65_535)), answered)
    yield Case("a window below 0 and up again",
               lambda s: settings((4, 1)) + call(s) + settings((4, 0)) +
               window(s, 1_000) + settings((4, 65_535)), answered)


def _windows():
    yield Case("WINDOW_UPDATE 0 of the connection", lambda s: window(0, 0),
               connection_error(PROTOCOL_ERROR))
    yield Case("WINDOW_UPDATE 0 with the reserved bit",
               lambda s: window(0, 2**31), connection_error(PROTOCOL_ERROR))
    yield Case("WINDOW_UPDATE 0 of an open call",
               lambda s: open_call(s) + window(s, 0),
               connection_error(PROTOCOL_ERROR))
    yield Case("WINDOW_UPDATE 0 of an open stream",
               lambda s: watch(s) + window(s, 0),
               connection_error(PROTOCOL_ERROR))
    yield Case("a window of the connection over 2^31 - 1",
               lambda s: window(0, MOST), connection_error(FLOW_CONTROL_ERROR))
    yield Case("a window of the connection over 2^31 - 1, in two steps",
               lambda s: window(0, 2**30) + window(0, 2**30),
               connection_error(FLOW_CONTROL_ERROR))
    for name, begin in (("call", open_call), ("stream", watch)):
        yield Case(f"a window of an open {name} over 2^31 - 1",
                   lambda s, begin=begin: begin(s) + window(s, MOST),
                   stream_error(FLOW_CONTROL_ERROR))
        yield Case(f"a window of an open {name} over 2^31 - 1, in two steps",
                   lambda s, begin=begin: begin(s) + window(s, 2**30) +
                   window(s, 2**30), stream_error(FLOW_CONTROL_ERROR))
    yield Case("a window of 2^31 - 1, and a call",
               lambda s: window(0, MOST - 65_535) + call(s), answered)
    # The window of a stream is 256 KiB, and its handler reads one message.
    chunk = bytes(16_384)
    yield Case("DATA over a stream's window",
               lambda s: watch(s) + data(s, chunk, 0) * 17,
               stream_error(FLOW_CONTROL_ERROR))
    yield Case("DATA that fills a stream's window",
               lambda s: watch(s) + data(s, chunk, 0) * 15 + reset(s), ignored)


def _unknown():
    for kind in (0x0a, 0x0c, 0x10, 0x42, 0xff):
        for where in ("0", "s"):
            yield Case(f"a frame of type {kind:#x} on {where}, and a call",
                       lambda s, kind=kind, where=where: open_call(s) + frame(
                           kind, 0xff, s if where == "s" else 0, b"unknown") +
                       data(s, message()), answered)
    yield Case("unknown flags of every frame of a call",
               lambda s: frame(HEADERS, END_HEADERS | 0xd2, s,
                               block(*call_headers())) +
               frame(DATA, END_STREAM | 0xf6, s, message()), answered)
    yield Case("a PING ACK of no PING",
               lambda s: frame(PING, ACK, 0, bytes(8)) + call(s), answered)
    yield Case("empty DATA, a hundred times, and a call",
               lambda s: open_call(s) + data(s, b"", 0) * 100 +
               data(s, message()), answered)
    yield Case("a call of one byte a frame",
               lambda s: open_call(s) + b"".join(
                   data(s, bytes([byte]), 0) for byte in message()) +
               data(s, b""), answered)
    yield Case("20,000 PINGs at once",
               lambda s: frame(PING, ACK, 0, bytes(8)) * 20_000,
               connection_error(ENHANCE_YOUR_CALM, None))
    yield Case("20,000 resets at once",
               lambda s: b"".join(open_call(i) + reset(i)
                                  for i in range(s, s + 40_000, 2)),
               connection_error(ENHANCE_YOUR_CALM, None))


def _blocks_of_headers():
    """HEADERS that another frame than CONTINUATION follows."""
    begin = block(*call_headers())
    for name, kind in [*TYPES.items(), ("unknown", 0x42)]:
        for other in (0, 2):
            def make(s, kind=kind, other=other):
                on = 0 if kind in (SETTINGS, PING, GOAWAY) else s + other
                size = {SETTINGS: 0, PING: 8, GOAWAY: 8, PRIORITY: 5}
                return frame(HEADERS, 0, s, begin) + frame(
                    kind, END_HEADERS, on, bytes(size.get(kind, 4)))
            if (kind, other) != (CONTINUATION, 0) and not (
                    other and kind in (SETTINGS, PING, GOAWAY)):
                yield Case(f"{name} inside a block of headers, "
                           f"on stream s + {other}", make,
                           connection_error(PROTOCOL_ERROR))
    yield Case("a whole call inside a block of headers",
               lambda s: frame(HEADERS, 0, s, begin) + call(s + 2),
               connection_error(PROTOCOL_ERROR))
    yield Case("a window for the connection inside a block of headers",
               lambda s: frame(HEADERS, 0, s, begin) + window(0, 1),
               connection_error(PROTOCOL_ERROR))
    yield Case("CONTINUATION after a block has ended",
               lambda s: open_call(s) + frame(CONTINUATION, END_HEADERS, s),
               connection_error(PROTOCOL_ERROR))
    yield Case("CONTINUATION without end, empty",
               lambda s: frame(HEADERS, 0, s, begin) +
               frame(CONTINUATION, 0, s) * 10_000,
               connection_error(ENHANCE_YOUR_CALM, INTERNAL_ERROR, None))
    yield Case("CONTINUATION without end, of 16 KiB",
               lambda s: frame(HEADERS, 0, s, begin) + frame(
                   CONTINUATION, 0, s, block(("x", "y" * 16_000))) * 100,
               connection_error(ENHANCE_YOUR_CALM, INTERNAL_ERROR, None))
    yield Case("a call whose headers come in pieces",
               lambda s: frame(HEADERS, 0, s, begin[:10]) + frame(
                   CONTINUATION, 0, s, begin[10:20]) + frame(
                       CONTINUATION, END_HEADERS, s, begin[20:]) +
               data(s, message()), answered)
    yield Case("a call whose headers come in empty pieces",
               lambda s: frame(HEADERS, 0, s) + frame(CONTINUATION, 0, s) * 3 +
               frame(CONTINUATION, END_HEADERS, s, begin) +
               data(s, message()), answered)
    yield Case("a call that ends with its headers, in pieces",
               lambda s: frame(HEADERS, END_STREAM, s, begin[:10]) + frame(
                   CONTINUATION, END_HEADERS, s, begin[10:]), grpc_status(12))


CASES = [*_wrong_sizes(), *_wrong_streams(), *_states(), *_padding(),
         *_settings(), *_windows(), *_unknown(), *_blocks_of_headers()]
