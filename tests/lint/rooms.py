"""The one dependency rule: a room (folder) includes only rooms below it.

It is read twice, from the #include lines and from the DEPS in CMakeLists.txt,
and the two must agree: what is included is linked, and nothing is linked that
the room may not include.  A room or a library that no table here names is a
finding too, so that neither comes in unseen.
"""

import dataclasses
import re

from source import Finding

RULE = "rooms"


@dataclasses.dataclass(frozen=True)
class Room:
    # Other rooms that may be included, and libraries from outside.
    rooms: tuple = ()
    libraries: tuple = ()
    # Rooms of which the file options.h may be included, and nothing else.
    options_of: tuple = ()


_BELOW_TRANSPORT = ("server/access", "server/base", "server/metrics",
                    "server/runtime", "server/rpc", "proto", "proto/wire")
_BELOW_SERVICE = _BELOW_TRANSPORT + ("server/store",)
_SERVER_ROOMS = _BELOW_SERVICE + (
    "server/access", "server/service", "server/tls", "server/transport/grpc", "server/transport/native",
    "server/ops", "server/config")

ROOMS = {
    "proto": Room(libraries=("protobuf",)),
    "proto/wire": Room(libraries=("abseil",)),
    "server/base": Room(libraries=("abseil",)),
    "server/metrics": Room(rooms=("server/base",), libraries=("abseil",)),
    "server/access": Room(rooms=("server/base",),
                          libraries=("abseil", "sodium")),
    "server/runtime": Room(
        rooms=("server/base", "server/metrics"),
        libraries=("abseil", "asio")),
    "server/store": Room(
        rooms=("server/access", "server/base", "server/metrics",
               "server/runtime"),
        libraries=("abseil", "sodium")),
    "server/rpc": Room(
        rooms=("server/access", "server/base", "server/metrics",
               "server/runtime", "proto", "proto/wire"),
        libraries=("abseil", "protobuf")),
    "server/tls": Room(rooms=("server/base",),
                       libraries=("abseil", "openssl")),
    "server/transport/grpc": Room(
        rooms=_BELOW_TRANSPORT + ("server/tls",),
        libraries=("abseil", "protobuf", "grpc")),
    "server/transport/native": Room(
        rooms=_BELOW_TRANSPORT + ("server/tls",),
        libraries=("abseil", "asio", "boost", "nghttp2", "openssl",
                   "protobuf", "zlib")),
    "server/service": Room(
        rooms=_BELOW_SERVICE, libraries=("abseil", "protobuf")),
    "server/ops": Room(
        rooms=("server/base", "server/metrics", "server/runtime"),
        libraries=("abseil", "httplib")),
    "server/config": Room(
        rooms=("server/base",),
        libraries=("abseil", "cli11", "nlohmann", "spdlog"),
        options_of=_SERVER_ROOMS),
    "server/app": Room(
        rooms=_SERVER_ROOMS,
        libraries=("abseil", "asio", "cli11", "grpc", "jemalloc", "protobuf",
                   "spdlog")),
    "client/lib": Room(
        rooms=("proto", "proto/wire", "stubs"),
        libraries=("abseil", "grpc", "openssl", "protobuf")),
    "client/cli": Room(
        rooms=("client/lib", "proto", "proto/wire", "stubs"),
        libraries=("abseil", "cli11", "grpc", "nlohmann", "protobuf")),
    "client/verify": Room(
        rooms=("proto", "proto/wire"), libraries=("abseil", "protobuf")),
    "client/load": Room(
        rooms=("client/lib", "client/verify", "proto", "proto/wire", "stubs"),
        libraries=("abseil", "asio", "cli11", "grpc", "nghttp2", "nlohmann",
                   "openssl", "protobuf")),
}

# How an #include of a library begins.
INCLUDES = {
    "abseil": ("absl/",),
    "asio": ("asio/", "asio.hpp"),
    "boost": ("boost/",),
    "cli11": ("CLI/",),
    "grpc": ("grpc/", "grpcpp/", "grpc++/"),
    "httplib": ("httplib.h",),
    "jemalloc": ("jemalloc/",),
    "nghttp2": ("nghttp2/",),
    "nlohmann": ("nlohmann/",),
    "openssl": ("openssl/",),
    "protobuf": ("google/protobuf/",),
    "sodium": ("sodium/", "sodium.h"),
    "spdlog": ("spdlog/", "fmt/"),
    "zlib": ("zlib.h",),
}

# What DEPS in a CMakeLists.txt stand for; other names are libraries of ours.
LINKS = {
    "absl::": "abseil",
    "CLI11::CLI11": "cli11",
    "nlohmann_json::nlohmann_json": "nlohmann",
    "OpenSSL::": "openssl",
    "PkgConfig::grpc": "grpc",
    "PkgConfig::jemalloc": "jemalloc",
    "PkgConfig::nghttp2": "nghttp2",
    "PkgConfig::protobuf": "protobuf",
    "PkgConfig::sodium": "sodium",
    "PkgConfig::httplib": "httplib",
    "spdlog::spdlog": "spdlog",
    "ZLIB::ZLIB": "zlib",
    "latchkey_proto_messages": "proto",
    "latchkey_proto_stubs": "stubs",
    "proto_wire": "proto/wire",
}
# Linked by latchkey_options, or header-only with nothing to link.
LINKED_EVERYWHERE = {"asio", "boost", "nlohmann"}
# A library of generated code brings what generated code includes.
BROUGHT_BY = {"proto": {"protobuf"}, "stubs": {"proto", "grpc", "protobuf"}}

_INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')
_STANDARD = re.compile(
    r"[a-z_0-9]+$|c?[a-z_0-9]+\.h$|(sys|netinet|arpa|net|linux)/[a-z_0-9]+\.h$")
_TARGET = re.compile(
    r"\b(?:latchkey_library|latchkey_executable)\s*\(\s*(\w+)([^)]*)\)")
_LINK = re.compile(r"\btarget_link_libraries\s*\(\s*(\w+)([^)]*)\)")


def room_of(path, rooms=ROOMS):
    """The innermost room that holds `path`, or None."""
    found = [room for room in rooms if path.startswith(room + "/")]
    return max(found, key=len, default=None)


def classify(tree, include):
    """What an #include names: ("standard", ""), ("library", name),
    ("room", name), ("tests", "") or ("unknown", "")."""
    proto = re.sub(r"(\.grpc)?\.pb\.h$", ".proto", include)
    if proto != include and tree.has("proto/" + proto):
        stubs = include.endswith(".grpc.pb.h")
        return ("room", "stubs" if stubs else "proto")
    for library, prefixes in INCLUDES.items():
        if include.startswith(prefixes):
            return ("library", library)
    if include.startswith("tests/"):
        return ("tests", "")
    room = room_of(include)
    if room:
        return ("room", room)
    if _STANDARD.match(include):
        return ("standard", "")
    return ("unknown", "")


def check(tree):
    links = yield from _check_links(tree)
    for source in tree.cpp("server", "client", "proto"):
        room = room_of(source.path)
        if room is None:
            yield Finding(source.path, 1, RULE,
                          "stands in no room that tests/lint/rooms.py knows")
            continue
        for number, line in enumerate(source.code_lines, 1):
            match = _INCLUDE.match(line)
            if match:
                for message in _refusals(tree, room, match.group(1), links):
                    yield Finding(source.path, number, RULE, message)


def _refusals(tree, room, include, links):
    kind, name = classify(tree, include)
    if kind == "standard" or name == room:
        return
    if kind == "unknown":
        yield (f"{include}: no library that tests/lint/rooms.py knows")
        return
    if kind == "tests":
        yield f"{room} must not include {include}: tests are no part of it"
        return
    may = ROOMS[room]
    allowed = may.rooms if kind == "room" else may.libraries
    options = name in may.options_of and include == name + "/options.h"
    if name not in allowed and not options:
        yield f"{room} must not include {include} ({name})"
        return
    reached = links.get(room, set()) | LINKED_EVERYWHERE
    if kind == "room" and not tree.has(f"{name}/CMakeLists.txt"):
        reached.add(name)
    if name not in reached:
        yield f"{include}: {name} is not among the DEPS of {room}"


def _check_links(tree):
    """Reports DEPS that a room must not have; returns, for each room, all that
    it links, directly or through others."""
    direct = {}
    for source in tree.cmake():
        room = room_of(source.path)
        if room is None or room == "proto":
            continue
        text = re.sub(r"#[^\n]*", "", source.text)
        for match in list(_TARGET.finditer(text)) + list(_LINK.finditer(text)):
            words = match.group(2).split()
            if "DEPS" in words:
                words = words[words.index("DEPS") + 1:]
            elif match.re is _TARGET:
                words = []
            line = text.count("\n", 0, match.start()) + 1
            for word in words:
                if word in ("PUBLIC", "PRIVATE", "INTERFACE"):
                    continue
                name = _linked(word)
                if name is None:
                    yield Finding(
                        source.path, line, RULE,
                        f"{word}: no library that tests/lint/rooms.py knows")
                    continue
                direct.setdefault(room, set()).add(name)
                may = ROOMS[room]
                if name != room and name not in (
                        may.rooms + may.libraries + may.options_of):
                    yield Finding(source.path, line, RULE,
                                  f"{room} must not link {word} ({name})")
    return {room: _closure(room, direct) for room in direct}


def _linked(word):
    for prefix, name in LINKS.items():
        if word == prefix or prefix.endswith("::") and word.startswith(prefix):
            return name
    room = word.replace("_", "/")
    return room if room in ROOMS else None


def _closure(room, direct):
    reached, open_rooms = set(), [room]
    while open_rooms:
        current = open_rooms.pop()
        if current not in reached:
            reached.add(current)
            open_rooms += direct.get(current, ())
            open_rooms += BROUGHT_BY.get(current, ())
    return reached
