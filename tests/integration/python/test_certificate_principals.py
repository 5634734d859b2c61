"""Whose call it is where clients show certificates, over either transport."""

import grpc
import pytest
from certificates import Authority, CertificateFiles
from client import Client, expect_error
from grpc import StatusCode
from tokens import TokensFile, bearer, reload_file


@pytest.fixture(name="ours", scope="module")
def fixture_ours():
    return Authority("ours")


@pytest.fixture(name="tls")
def fixture_tls(tmp_path, ours):
    return CertificateFiles(tmp_path, ours.issue("server"),
                            client_ca=ours).options()


def client_of(server, ours, name):
    pair = ours.issue(name)
    return Client(server.address, grpc.ssl_channel_credentials(
        ours.certificate, pair.key, pair.certificate))


def add(client, token=None):
    """What each principal gets once, whatever its connection."""
    return client.Increment(key=b"n", delta=1, initial=0,
                            idempotency_key=b"once",
                            metadata=bearer(token) if token else None).value


def test_an_idempotency_key_belongs_to_the_certificates_name(
        start_server, tls, ours):
    server = start_server("--threads=2", *tls)
    with client_of(server, ours, "ann") as ann, (
            client_of(server, ours, "bob")) as bob, (
                client_of(server, ours, "ann")) as ann_again:
        # Often enough to be remembered.
        for _ in range(10):
            assert [add(ann), add(bob), add(ann_again)] == [1, 2, 1]
        # Without tokens one that is shown says nothing.
        assert add(bob, "any") == 2


def test_a_token_counts_before_a_certificate(start_server, tmp_path, tls,
                                             ours):
    file = TokensFile(tmp_path / "tokens", ("bob", "bob-token"))
    server = start_server("--threads=2", file.option(), *tls)
    with client_of(server, ours, "ann") as ann, (
            client_of(server, ours, "bob")) as bob:
        for _ in range(10):
            assert [add(ann), add(bob), add(ann, "bob-token")] == [1, 2, 2]
            with expect_error(StatusCode.UNAUTHENTICATED, "", applied="no"):
                add(ann, "wrong")
        # A reload changes nothing for who shows none.
        file.write(("ann", "bob-token"))
        reload_file(server)
        assert [add(ann), add(bob), add(bob, "bob-token")] == [1, 2, 1]


@pytest.mark.parametrize("name", ["two words", "b\u00f6b", "x" * 64])
def test_a_name_that_is_no_principals(start_server, tmp_path, tls, ours,
                                      name):
    file = TokensFile(tmp_path / "tokens", ("bob", "bob-token"))
    server = start_server(file.option(), *tls)
    with client_of(server, ours, name) as client:
        with expect_error(StatusCode.UNAUTHENTICATED, "", applied="no"):
            add(client)
        assert add(client, "bob-token") == 1
