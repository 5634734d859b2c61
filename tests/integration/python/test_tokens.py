"""Bearer tokens, over either transport; test_access.py has every RPC."""

import grpc
import pytest
from api import pb
from client import Client, expect_error, read_error
from grpc import StatusCode
from server_process import run_program
from tokens import TokensFile, bearer, digest, reload_file

ANN, ANN_NEXT, BOB = "ann-s3cret", "ann-s3cret-2", "bob-s3cret"

@pytest.fixture(name="file")
def fixture_file(tmp_path):
    return TokensFile(tmp_path / "tokens", ("ann", ANN), ("ann", ANN_NEXT),
                      ("bob", BOB))


@pytest.fixture(name="guarded")
def fixture_guarded(start_server, file):
    server = start_server("--threads=2", "--log-level=trace", file.option())
    yield server
    server.stop()
    log = server.log()
    for token in (ANN, ANN_NEXT, BOB):
        assert token not in log and digest(token) not in log


@pytest.fixture(name="client")
def fixture_client(guarded):
    with Client(guarded.address) as client:
        yield client


def assert_unauthenticated(error):
    """`error` says that there was no good token, and nothing about why."""
    assert error is not None
    assert error.code == StatusCode.UNAUTHENTICATED
    assert error.message == "this server wants a valid token"
    assert not error.reason
    assert error.metadata == {"applied": "no"}
    assert not error.fields


def test_a_method_that_is_not_there_wants_a_token_too(client):
    def answer(metadata):
        with pytest.raises(grpc.RpcError) as raised:
            client.channel.unary_unary("/no.such/Method")(
                b"", timeout=30, metadata=metadata)
        return read_error(raised.value)

    assert_unauthenticated(answer(None))
    assert answer(bearer(ANN)).code == StatusCode.UNIMPLEMENTED


def test_refused_calls_are_between_others_of_one_connection(client, keys):
    # Enough for the native transport to remember the headers of good calls.
    for _ in range(20):
        client.Put(key=keys("a"), value=b"1", metadata=bearer(ANN))
        for shown in (None, bearer("wrong")):
            with pytest.raises(grpc.RpcError) as raised:
                client.Put(key=keys("a"), value=b"2", metadata=shown)
            assert_unauthenticated(read_error(raised.value))
    assert client.Get(key=keys("a"), metadata=bearer(ANN)).entry.value == b"1"


def test_an_idempotency_key_belongs_to_its_principal(client, keys):
    def add(token):
        return client.Increment(key=keys("n"), delta=1, initial=0,
                                idempotency_key=b"once",
                                metadata=bearer(token)).value

    # In turn on one connection, each often enough to be remembered.
    for _ in range(10):
        assert add(ANN) == 1
        assert add(BOB) == 2
        assert add(ANN_NEXT) == 1

    def outcome(key, token):
        return client.GetOutcome(idempotency_key=key,
                                 metadata=bearer(token)).state

    client.Put(key=keys("a"), value=b"", idempotency_key=b"ann's",
               metadata=bearer(ANN))
    assert outcome(b"ann's", ANN_NEXT) == pb.GetOutcomeResponse.DONE
    assert outcome(b"ann's", BOB) == pb.GetOutcomeResponse.UNKNOWN


def test_a_token_is_replaced_without_a_new_connection(guarded, file, client,
                                                      keys):
    def calls(token):
        """Whether calls with `token` are answered; several, so that some go
        by remembered headers."""
        answered = []
        for _ in range(5):
            try:
                client.Put(key=keys("a"), value=b"", metadata=bearer(token))
                answered.append(True)
            except grpc.RpcError as error:
                assert_unauthenticated(read_error(error))
                answered.append(False)
        assert len(set(answered)) == 1
        return answered[0]

    assert calls(ANN) and calls(BOB) and not calls("ann-s3cret-3")
    file.write(("ann", "ann-s3cret-3"), ("bob", BOB))
    assert calls(ANN) and not calls("ann-s3cret-3")
    reload_file(guarded)
    assert not calls(ANN) and not calls(ANN_NEXT)
    assert calls("ann-s3cret-3") and calls(BOB)
    # The principal of a token is another: so is the ledger's scope.
    client.Put(key=keys("a"), value=b"", idempotency_key=b"x",
               metadata=bearer(BOB))
    file.write(("carl", BOB))
    reload_file(guarded)
    assert not calls("ann-s3cret-3") and calls(BOB)
    outcome = client.GetOutcome(idempotency_key=b"x", metadata=bearer(BOB))
    assert outcome.state == pb.GetOutcomeResponse.UNKNOWN


def test_a_file_that_is_bad_leaves_the_tokens_as_they_were(guarded, file,
                                                           client, keys):
    file.path.write_text(f"ann {digest('other')}\nbob {BOB}\n")
    reload_file(guarded, "tokens-reload-failed")
    assert f"{file.path}:2: a SHA-256 is 64 hexadecimal digits" in guarded.log()
    client.Put(key=keys("a"), value=b"", metadata=bearer(BOB))
    file.path.unlink()
    reload_file(guarded, "tokens-reload-failed")
    assert f"{file.path}: No such file or directory" in guarded.log()
    client.Put(key=keys("a"), value=b"", metadata=bearer(ANN))
    with expect_error(StatusCode.UNAUTHENTICATED, "", applied="no"):
        client.Put(key=keys("a"), value=b"", metadata=bearer("other"))


@pytest.mark.parametrize("text, problem", [
    ("# nobody\n", ": there is no token in it"),
    (f"ann {digest(ANN)}\nbob\n",
     ":2: a line is a principal and the SHA-256 of a token"),
    (f"ann {digest(ANN)}\n\nbob {digest(ANN)}\n",
     ":3: the token stands in a line above, too"),
])
def test_a_bad_file_at_the_start_is_named(tmp_path, text, problem):
    path = tmp_path / "tokens"
    path.write_text(text)
    result = run_program("latchkeyd", "--listen=127.0.0.1:0",
                         f"--tokens-file={path}")
    assert result.returncode == 2
    assert result.stderr.decode() == (
        f"latchkeyd: --tokens-file: {path}{problem}\n")


def test_without_tokens_anybody_may_call(start_server, keys):
    server = start_server()
    with Client(server.address) as client:
        client.Put(key=keys("a"), value=b"", metadata=bearer("any"))
        client.Put(key=keys("a"), value=b"")


@pytest.mark.parametrize("by_variable", [False, True])
def test_the_clients_show_a_token(guarded, tmp_path, by_variable):
    def run(program, *arguments, token):
        path = tmp_path / "token"
        path.write_text(token + "\n")
        if by_variable:
            return run_program(program, *arguments,
                               environment={"LATCHKEY_TOKEN_FILE": str(path)})
        return run_program(program, f"--token-file={path}", *arguments)

    def latchkey(*arguments, token=ANN):
        return run("latchkey", f"--server={guarded.address}", "--timeout=30s",
                   *arguments, token=token)

    def load(engine, token=ANN):
        return run("latchkey-load", f"--address={guarded.address}",
                   f"--engine={engine}", "--connections=2", "--in-flight=4",
                   "--keys=100", "--warm-up=0s", "--requests=500", token=token)

    for arguments in (("put", "a", "1"), ("get", "a"), ("scan",),
                      ("health",)):
        done = latchkey(*arguments)
        assert done.returncode == 0, done.stderr
    refused = latchkey("get", "a", token="wrong")
    assert refused.returncode != 0
    assert b"UNAUTHENTICATED" in refused.stderr
    assert latchkey("health", token="wrong").returncode == 0
    for engine in ("grpc", "native", "client"):
        done = load(engine)
        assert done.returncode == 0, (done.stdout, done.stderr)
        assert load(engine, "wrong").returncode != 0


@pytest.mark.parametrize("program", ["latchkey", "latchkey-load"])
def test_a_clients_file_that_is_bad_is_named(tmp_path, program):
    path = tmp_path / "token"
    path.write_text("two words")
    command = ["health"] if program == "latchkey" else []
    result = run_program(program, f"--token-file={path}", *command)
    assert result.returncode == 2
    assert result.stderr.decode().startswith(
        f"{program}: --token-file: {path}: a token has characters"), (
            result.stderr)
