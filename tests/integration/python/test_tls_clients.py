"""`latchkey` and `latchkey-load` over TLS."""

import pytest
from certificates import Authority, CertificateFiles
from server_process import run_program

OK, USAGE, UNAVAILABLE = 0, 2, 3


@pytest.fixture(name="ours", scope="module")
def fixture_ours():
    return Authority("ours")


@pytest.fixture(name="files")
def fixture_files(tmp_path, ours):
    """What a client has, as options."""
    pair = ours.issue("client")
    given = {"--tls-ca": ours.certificate, "--tls-certificate":
             pair.certificate, "--tls-key": pair.key}
    for option, text in given.items():
        (tmp_path / option.strip("-")).write_bytes(text)
    return {option: f"{option}={tmp_path / option.strip('-')}"
            for option in given}


@pytest.fixture(name="mutual_server")
def fixture_mutual_server(start_server, tmp_path, ours):
    return start_server(*CertificateFiles(
        tmp_path, ours.issue("server"), client_ca=ours).options())


@pytest.fixture(name="tls_server")
def fixture_tls_server(start_server, tmp_path, ours):
    return start_server(
        *CertificateFiles(tmp_path, ours.issue("server")).options())


def latchkey(server, *arguments, **environment):
    return run_program("latchkey", f"--server={server.address}",
                       "--timeout=30s", "--no-retry", *arguments,
                       environment=environment)


def test_a_client_with_a_certificate(mutual_server, files):
    put = latchkey(mutual_server, *files.values(), "put", "a", "1")
    assert put.returncode == OK, put.stderr
    health = latchkey(mutual_server, *files.values(), "health")
    assert health.returncode == OK, health.stderr
    # The same by the environment.
    variables = {"LATCHKEY_" + option.strip("-").upper().replace("-", "_"):
                 argument.partition("=")[2]
                 for option, argument in files.items()}
    got = latchkey(mutual_server, "get", "a", **variables)
    assert (got.returncode, got.stdout) == (OK, b"1")


def test_a_client_without_its_certificate(mutual_server, files):
    refused = latchkey(mutual_server, files["--tls-ca"], "get", "a")
    assert refused.returncode == UNAVAILABLE
    assert b"UNAVAILABLE" in refused.stderr


def test_the_roots_of_the_system(tls_server, files):
    refused = latchkey(tls_server, "--tls", "health")
    assert refused.returncode == UNAVAILABLE
    assert b"certificate verify failed" in refused.stderr
    # What the gRPC library takes for them.
    roots = files["--tls-ca"].partition("=")[2]
    served = latchkey(tls_server, "--tls", "health",
                      GRPC_DEFAULT_SSL_ROOTS_FILE_PATH=roots)
    assert served.returncode == OK, served.stderr


def test_the_name_of_the_server(tls_server, files):
    ca = files["--tls-ca"]
    served = latchkey(tls_server, ca, "--tls-server-name=localhost", "health")
    assert served.returncode == OK, served.stderr
    refused = latchkey(tls_server, ca, "--tls-server-name=other.example",
                       "health")
    assert refused.returncode == UNAVAILABLE
    assert b"other.example" in refused.stderr


def test_who_does_not_speak_as_the_server_does(tls_server, server, files):
    assert latchkey(tls_server, "health").returncode == UNAVAILABLE
    assert latchkey(server, files["--tls-ca"], "health").returncode == (
        UNAVAILABLE)


@pytest.mark.parametrize("program, address", [
    ("latchkey", ["--server=127.0.0.1:1", "get", "a"]),
    ("latchkey-load", ["--address=127.0.0.1:1"])])
def test_files_that_cannot_be_used_are_named(tmp_path, ours, files, program,
                                             address):
    garbage = tmp_path / "garbage"
    garbage.write_text("garbage")
    other = tmp_path / "other"
    other.write_bytes(ours.issue("other").key)
    for arguments, begin in {
            ("--tls-ca=/no/such",): "--tls-ca: /no/such: No such file",
            (f"--tls-ca={tmp_path}",): f"--tls-ca: {tmp_path}: Is a directory",
            (f"--tls-ca={garbage}",): f"--tls-ca: {garbage}: ",
            (files["--tls-certificate"],): "--tls-certificate: needs",
            (files["--tls-key"],): "--tls-key: needs",
            (files["--tls-certificate"], f"--tls-key={other}"):
                f"--tls-key: {other}: it is not the key",
    }.items():
        result = run_program(program, *arguments, *address)
        assert result.returncode == USAGE
        assert result.stderr.decode().startswith(f"{program}: {begin}"), (
            result.stderr)


@pytest.mark.parametrize("engine", ["grpc", "native", "client"])
def test_a_load(mutual_server, files, engine):
    def load(*arguments):
        return run_program(
            "latchkey-load", f"--address={mutual_server.address}",
            f"--engine={engine}", "--connections=2", "--in-flight=4",
            "--keys=500", "--warm-up=0s", "--requests=2000", *arguments)

    done = load(*files.values())
    assert done.returncode == 0, (done.stdout, done.stderr)
    refused = load("--tls-ca=" + files["--tls-ca"].partition("=")[2])
    assert refused.returncode == UNAVAILABLE
