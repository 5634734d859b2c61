"""SIGHUP, over either transport; test_tokens.py has that of tokens."""

import signal
import time

import grpc
import pytest
from client import Client, read_error
from grpc import StatusCode
from metrics import scrape
from tokens import TokensFile, bearer, reload_file

RELOADS = "latchkey_access_reloads_total"
LAST = "latchkey_access_last_reload_success_timestamp_seconds"
ANN = bearer("ann-token")


def may_read(client, key):
    """Whether calls are allowed; several, so that some go the short way."""
    answers = set()
    for _ in range(5):
        try:
            client.Get(key=key, metadata=ANN)
            answers.add(True)
        except grpc.RpcError as error:
            assert read_error(error).code == StatusCode.PERMISSION_DENIED
            answers.add(False)
    assert len(answers) == 1
    return answers.pop()


def test_rules_are_replaced_without_a_new_connection(start_server, tmp_path):
    tokens = TokensFile(tmp_path / "tokens", ("ann", "ann-token"))
    rules = tmp_path / "rules"
    rules.write_text("ann text:a read\n")
    begin = time.time()
    server = start_server("--threads=2", tokens.option(),
                          f"--rules-file={rules}")

    def reloads(result, file="rules"):
        return scrape(server).value(RELOADS, file=file, result=result)

    def last():
        return scrape(server).value(LAST, file="rules")

    started = last()
    assert begin - 1 <= started <= time.time() + 1
    with Client(server.address) as client:
        assert may_read(client, b"a") and not may_read(client, b"b")
        rules.write_text("ann text:b read\n")
        assert may_read(client, b"a")
        reload_file(server, "rules-reloaded")
        assert not may_read(client, b"a") and may_read(client, b"b")
        assert (reloads("ok"), reloads("failed")) == (1, 0)
        replaced = last()
        assert replaced > started
        # All of a file or nothing; the tokens are another file.
        rules.write_text("ann text:a read\nann text:b red\n")
        reload_file(server, "rules-reload-failed")
        assert f"{rules}:2: the verbs are" in server.log()
        assert not may_read(client, b"a") and may_read(client, b"b")
        rules.unlink()
        reload_file(server, "rules-reload-failed")
        assert not may_read(client, b"a") and may_read(client, b"b")
        assert (reloads("ok"), reloads("failed")) == (1, 2)
        assert (reloads("ok", "tokens"), reloads("failed", "tokens")) == (3, 0)
        assert last() == replaced


@pytest.mark.parametrize("has_tokens", [False, True])
def test_a_server_outlives_any_number(start_server, tmp_path, has_tokens):
    options = [TokensFile(tmp_path / "tokens", ("ann", "ann-token")).option()
               ] if has_tokens else []
    server = start_server(*options)
    with Client(server.address) as client:
        for _ in range(100):
            server.signal(signal.SIGHUP)
            client.Put(key=b"a", value=b"1", metadata=ANN)
    # The fixture wants it to stop with 0.
    assert server.running()
