"""What the access rules allow, written from the README and not from the server.

Example:
  rules = Rules("ann text:a read,write")
  needs = NEEDS["latchkey.v1.Cache.Get"](pb.GetRequest(key=b"a1"))
  rules.allow("ann", needs)   # True
"""

# In place of a key: there must be one with which the principal may.
ANY = None


def _prefix(word):
    kind, _, rest = word.partition(":")
    return bytes.fromhex(rest) if kind == "hex" else rest.encode()


class Rules:
    """The lines of a file."""

    def __init__(self, text):
        words = [line.split() for line in text.splitlines()
                 if line.strip() and not line.startswith("#")]
        self._lines = [(who, _prefix(prefix), verbs.split(","))
                       for who, prefix, verbs in words]

    def allow(self, principal, needs):
        """Whether each of `needs`, pairs of a verb and a key, is allowed."""
        return all(self._allow(principal, *need) for need in needs)

    def _allow(self, principal, verb, key):
        return any(who == principal and verb in verbs and
                   (key is ANY or key[:len(prefix)] == prefix)
                   for who, prefix, verbs in self._lines)


def _get(get):
    needs = {("read", get.key)}
    if get.HasField("touch") or get.HasField("lease"):
        needs.add(("write", get.key))
    return needs


def _write(write):
    needs = {("write", write.key)}
    if getattr(write, "return_previous", False):
        needs.add(("read", write.key))
    return needs


def _move(move):
    return {("read", move.source_key), ("write", move.source_key),
            ("write", move.destination_key)}


def _transfer(transfer):
    return {("write", transfer.source_key), ("write", transfer.destination_key)}


_OPERATIONS = {"Get": _get, "Put": _write, "Delete": _write,
               "Increment": _write, "Touch": _write, "Move": _move,
               "Transfer": _transfer}


def _transact(transact):
    needs = {("read", compare.key) for compare in transact.compares}
    for step in (*transact.on_success, *transact.on_failure):
        kind = step.WhichOneof("kind")
        needs |= _OPERATIONS[kind.capitalize()](getattr(step, kind))
    return needs or {("write", ANY)}


def _all_of(operations, verb):
    needs = set().union(*map(_OPERATIONS[verb], operations))
    return needs or {("write", ANY)}


# Every RPC that wants a token; what it needs is said of its request.
NEEDS = {
    **{f"latchkey.v1.Cache.{name}": needs
       for name, needs in _OPERATIONS.items()},
    "latchkey.v1.Cache.BatchGet":
        lambda batch: {("read", key) for key in batch.keys} or {("read", ANY)},
    "latchkey.v1.Cache.BatchPut": lambda batch: _all_of(batch.puts, "Put"),
    "latchkey.v1.Cache.BatchDelete":
        lambda batch: _all_of(batch.deletes, "Delete"),
    "latchkey.v1.Cache.Transact": _transact,
    "latchkey.v1.Cache.Scan": lambda scan: {("scan", scan.prefix)},
    "latchkey.v1.Cache.GetOutcome": lambda _: {("write", ANY)},
    "latchkey.v1.Admin.GetStats": lambda _: {("admin", b"")},
    "grpc.reflection.v1.ServerReflection.ServerReflectionInfo":
        lambda _: {("admin", b"")},
    "grpc.reflection.v1alpha.ServerReflection.ServerReflectionInfo":
        lambda _: {("admin", b"")},
    "grpc.health.v1.Health.Watch": lambda _: set(),
}

# The RPCs that anybody may make.
OPEN = {"grpc.health.v1.Health.Check"}
