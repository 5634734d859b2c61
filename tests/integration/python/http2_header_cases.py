"""Header blocks that HPACK (RFC 7541) or HTTP/2 (RFC 9113, section 8) forbid."""

from raw_http2 import (COMPRESSION_ERROR, CONTINUATION, END_HEADERS, END_STREAM,
                       GET, GRPC, HEADERS, PROTOCOL_ERROR, STREAM_CLOSED, Case,
                       answered, block, call, call_headers, connection_error,
                       data, frame, header, integer, message, open_call,
                       stream_error, string, watch)

GOOD = block(*call_headers())

# The EOS symbol of HPACK's Huffman code is 30 ones.
EOS = b"\xff\xff\xff\xfc"


def huffman(payload):
    return integer(len(payload), 7, 0x80) + payload


# Garbage, each behind a good block.
HPACK_GARBAGE = {
    "index 0": b"\x80",
    "index 62 of an empty table": b"\xbe",
    "index 1000": integer(1000, 7, 0x80),
    "index of 2^31": integer(2**31, 7, 0x80),
    "index of 2^64": integer(2**64, 7, 0x80),
    "index without end": b"\xff" + b"\xff" * 20,
    "index that is cut": b"\xff",
    "index that is cut after a byte": b"\xff\x80",
    "name of index 62": integer(62, 4) + string("x"),
    "name of index 62, to be indexed": integer(62, 6, 0x40) + string("x"),
    "name of index 62, never indexed": integer(62, 4, 0x10) + string("x"),
    "name of index 2^32": integer(2**32, 4) + string("x"),
    "no name": b"\x00",
    "name without value": b"\x00\x01x",
    "indexed name without value": b"\x0f\x00",
    "name that is cut": b"\x00\x05xy",
    "value that is cut": b"\x00\x01x\x05yz",
    "name of 2^31 bytes": b"\x00" + integer(2**31, 7) + b"x",
    "value of 2^31 bytes": b"\x00\x01x" + integer(2**31, 7) + b"x",
    "size of a value without end": b"\x00\x01x" + b"\x7f" + b"\xff" * 12,
    "Huffman code of EOS": b"\x00\x01x" + huffman(EOS),
    "Huffman code with EOS inside": b"\x00\x01x" + huffman(b"\x1f" + EOS),
    "Huffman code padded by 8 bits": b"\x00\x01x" + huffman(b"\x1f\xff"),
    "Huffman code padded by 24 bits": b"\x00\x01x" + huffman(
        b"\x1f\xff\xff\xff"),
    "Huffman code padded by zeros": b"\x00\x01x" + huffman(b"\x18"),
    "Huffman name of EOS": b"\x00" + huffman(EOS) + string("x"),
    "Huffman code that is cut": b"\x00\x01x" + integer(9, 7, 0x80) + b"\x1f",
    "a new table size behind headers": integer(100, 5, 0x20),
    "never indexed, no value": b"\x10\x01x",
}

# At the beginning of a block.
TABLE_SIZES = {
    "4097": integer(4097, 5, 0x20),
    "2^31": integer(2**31, 5, 0x20),
    "2^64": integer(2**64, 5, 0x20),
    "that is cut": b"\x3f",
    "first right, then too large": integer(0, 5, 0x20) + integer(5000, 5, 0x20),
}


def _hpack():
    bad = connection_error(COMPRESSION_ERROR)
    for name, garbage in HPACK_GARBAGE.items():
        yield Case(f"HPACK: {name}", lambda s, garbage=garbage: frame(
            HEADERS, END_HEADERS, s, GOOD + garbage), bad)
        yield Case(f"HPACK in trailers: {name}", lambda s, garbage=garbage:
                   watch(s) + frame(HEADERS, END_HEADERS | END_STREAM, s,
                                    header("x", "y") + garbage), bad)
    for name, size in TABLE_SIZES.items():
        yield Case(f"HPACK: table size {name}", lambda s, size=size: frame(
            HEADERS, END_HEADERS, s, size + GOOD), bad)
    yield Case("HPACK: garbage over two frames", lambda s: frame(
        HEADERS, 0, s, GOOD + b"\xff") + frame(
            CONTINUATION, END_HEADERS, s, b"\xff" * 10), bad)
    yield Case("HPACK: garbage on a closed stream", lambda s: call(s) + call(
        s + 2) + frame(HEADERS, END_HEADERS, s, b"\x80"),
               connection_error(COMPRESSION_ERROR, STREAM_CLOSED))
    yield Case("HPACK: a table size of 0, and a call", lambda s: frame(
        HEADERS, END_HEADERS, s, b"\x20" + GOOD) + data(s, message()), answered)
    yield Case("HPACK: 50 table sizes, and a call", lambda s: frame(
        HEADERS, END_HEADERS, s, b"\x20" * 50 + GOOD) + data(s, message()),
               answered)
    # Each of these calls fills the table with what the next one refers to.
    indexed = b"".join(b"\x40" + string(name) + string(value)
                       for name, value in call_headers())
    yield Case("HPACK: indexes of a table that was emptied", lambda s: frame(
        HEADERS, END_HEADERS, s, indexed) + data(s, message()) + frame(
            HEADERS, END_HEADERS, s + 2, b"\x20\xbe"), bad)
    # The table's newest entry is 62.
    again = bytes(range(61 + len(call_headers()), 61, -1)).translate(
        bytes(i | 0x80 for i in range(256)))
    yield Case("HPACK: calls by indexes only", lambda s: frame(
        HEADERS, END_HEADERS, s, indexed) + data(s, message()) + b"".join(
            frame(HEADERS, END_HEADERS, s + i, again) + data(s + i, message())
            for i in (2, 4, 6)), answered)


NAMES = {
    "with an upper-case letter": "Upper", "of upper case": "X",
    "with a space": "a b", "that ends in a space": "a ", "with a colon": "a:b",
    "with NUL": b"a\0b", "with a line feed": b"a\nb",
    "with a carriage return": b"a\rb", "with DEL": b"a\x7fb",
    "with a control character": b"a\x01b", "with a byte over 127": b"a\x80b",
    "of UTF-8": "sch\u00f6n", "with a tab": b"a\tb", "that is empty": "",
    "with a quote": 'a"b', "with brackets": "a(b)", "with a slash": "a/b",
    "with an at sign": "a@b", "with braces": "{a}", "with a comma": "a,b",
    "with an equals sign": "a=b", "with a question mark": "a?",
}

VALUES = {
    "with NUL": b"a\0b", "with a line feed": b"a\nb", "of a line feed": b"\n",
    "with a carriage return": b"a\rb", "with both": b"a\r\nb: c",
    "that begins with a space": " a", "that ends in a space": "a ",
    "that begins with a tab": "\ta", "that ends in a tab": "a\t",
    "with DEL": b"a\x7fb", "with a control character": b"a\x01b",
    "with an escape": b"\x1b[0m",
}

FIELDS = {
    "connection": ("connection", "close"),
    "keep-alive": ("keep-alive", "timeout=5"),
    "proxy-connection": ("proxy-connection", "keep-alive"),
    "transfer-encoding": ("transfer-encoding", "chunked"),
    "upgrade": ("upgrade", "h2c"),
    "te: gzip": ("te", "gzip"),
    "te: trailers and gzip": ("te", "trailers, gzip"),
    "a pseudo header behind others": (":path", GET),
    "an unknown pseudo header": (":unknown", "x"),
    "the pseudo header of an answer": (":status", "200"),
    "a pseudo header without name": (":", "x"),
}


def _without(name):
    return tuple(pair for pair in call_headers() if pair[0] != name)


def _with(name, value):
    """The headers of a call with another value of one."""
    return tuple((key, value if key == name else old)
                 for key, old in call_headers())


def _malformed():
    rows = {}
    for name, text in NAMES.items():
        rows[f"a name {name}"] = call_headers(GET, (text, "x"))
    for name, text in VALUES.items():
        rows[f"a value {name}"] = call_headers(GET, ("x", text))
    for name, pair in FIELDS.items():
        rows[name] = call_headers(GET, pair)
    for name in (":method", ":path", ":scheme", ":authority"):
        twice = dict(call_headers())[name]
        rows[f"{name} twice"] = ((name, twice), *call_headers())
        if name != ":authority":
            rows[f"no {name}"] = _without(name)
            rows[f"an empty {name}"] = _with(name, "")
        rows[f"{name} with NUL"] = _with(name, b"a\0b")
        rows[f"{name} with a space"] = _with(name, "a b")
    rows["no pseudo header"] = GRPC
    rows["an unknown pseudo header among others"] = (
        (":version", "2"), *call_headers())
    rows["a path of another server"] = _with(":path", "http://localhost/x")
    rows["a path without slash"] = _with(":path", "latchkey.v1.Cache/Get")
    rows["a path of an asterisk"] = _with(":path", "*")
    rows["CONNECT with a path"] = _with(":method", "CONNECT")
    rows["no header"] = ()
    for name, headers in rows.items():
        for ends in (False, True):
            yield Case(
                f"{name}{', and the end' if ends else ''}",
                lambda s, headers=headers, ends=ends: frame(
                    HEADERS, END_HEADERS | (END_STREAM if ends else 0), s,
                    block(*headers)) + (b"" if ends else data(s, message())),
                stream_error(PROTOCOL_ERROR))


def _trailers():
    for name, pairs in {"a pseudo header": [(":path", GET)],
                        "an upper-case name": [("Upper", "x")],
                        "connection": [("connection", "close")]}.items():
        yield Case(f"{name} in trailers", lambda s, pairs=pairs: watch(s) + frame(
            HEADERS, END_HEADERS | END_STREAM, s, block(*pairs)),
                   stream_error(PROTOCOL_ERROR))
    yield Case("trailers without the end of the stream", lambda s: watch(
        s) + frame(HEADERS, END_HEADERS, s, block(("x", "y"))),
               stream_error(PROTOCOL_ERROR))
    yield Case("a call with trailers", lambda s: open_call(s) + data(
        s, message(), 0) + frame(HEADERS, END_HEADERS | END_STREAM, s,
                                 block(("x", "y"))), answered)


def _content_length():
    size = len(message())
    for text in ("", "x", "-1", "+8", "1.5", "0x8", " 8", "8 8", "8,8",
                 str(2**63), str(2**64), "9" * 100, "0", str(size - 1),
                 str(size + 1), str(2**62)):
        yield Case(f"content-length: {text!r:.30}", lambda s, text=text: call(
            s, GET, ("content-length", text)), stream_error(PROTOCOL_ERROR))
    yield Case("content-length twice", lambda s: call(
        s, GET, *[("content-length", str(size))] * 2),
               stream_error(PROTOCOL_ERROR))
    yield Case("content-length twice, and not the same", lambda s: call(
        s, GET, ("content-length", str(size)), ("content-length", "9")),
               stream_error(PROTOCOL_ERROR))
    yield Case("content-length of a request without body", lambda s: open_call(
        s, GET, ("content-length", "8"), flags=END_STREAM),
               stream_error(PROTOCOL_ERROR))
    yield Case("content-length over all frames", lambda s: open_call(
        s, GET, ("content-length", str(size))) + b"".join(
            data(s, message(), 0) for _ in range(2)),
               stream_error(PROTOCOL_ERROR))
    yield Case("content-length that is right", lambda s: call(
        s, GET, ("content-length", str(size))), answered)


CASES = [*_hpack(), *_malformed(), *_trailers(), *_content_length()]
