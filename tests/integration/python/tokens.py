"""A file of bearer tokens, as an operator writes it."""

import hashlib
import signal

from metrics import wait_for


def digest(token):
    return hashlib.sha256(token.encode()).hexdigest()


def bearer(token):
    """The metadata by which a call shows `token`."""
    return [("authorization", f"Bearer {token}")]


class TokensFile:
    """`tokens` are pairs of a principal and a token."""

    def __init__(self, path, *tokens):
        self.path = path
        self.write(*tokens)

    def option(self):
        return f"--tokens-file={self.path}"

    def write(self, *tokens):
        self.path.write_text("# who may call\n" + "".join(
            f"{principal} {digest(token)}\n" for principal, token in tokens))


def reload_file(server, event="tokens-reloaded"):
    """Asks the server to read its files, and waits until it logs `event`."""
    count = server.log().count(f"event={event} ")
    server.signal(signal.SIGHUP)
    wait_for(lambda: server.log().count(f"event={event} ") == count + 1)
