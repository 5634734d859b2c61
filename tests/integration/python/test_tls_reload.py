"""Certificates that are renewed, removed and mixed up while clients call."""

import contextlib
import threading

import grpc
import pytest
from certificates import DAY, Authority, CertificateFiles
from client import Client
from metrics import scrape, wait_for

RELOADS = "latchkey_tls_reloads_total"


@contextlib.contextmanager
def steady_calls(address, credentials):
    """Calls without a pause on one connection, which must all be answered."""
    errors = []
    done = threading.Event()
    calls = 0

    def run():
        nonlocal calls
        with Client(address, credentials) as client:
            while not done.is_set():
                try:
                    client.Increment(key=b"steady", delta=1, initial=0,
                                     timeout=30)
                    calls += 1
                except grpc.RpcError as error:
                    errors.append(error)
                    return

    caller = threading.Thread(target=run)
    caller.start()
    try:
        wait_for(lambda: calls > 10 or errors)
        yield lambda: calls
    finally:
        done.set()
        caller.join()
    assert not errors


def credentials_of(ca, pair=None):
    if pair is None:
        return grpc.ssl_channel_credentials(ca.certificate)
    return grpc.ssl_channel_credentials(ca.certificate, pair.key,
                                        pair.certificate)


def serves(server, credentials):
    """Whether a new connection comes about and has a call answered."""
    with Client(server.address, credentials) as client:
        try:
            client.BatchGet()
            return True
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.UNAVAILABLE
            return False


def wait_for_reload(server, result, count):
    wait_for(lambda: scrape(server).value(RELOADS, result=result) == count)


@pytest.fixture(name="old", scope="module")
def fixture_old():
    return Authority("old")


@pytest.fixture(name="new", scope="module")
def fixture_new():
    return Authority("new")


def test_a_pair_is_replaced_under_load(start_server, tmp_path, old, new):
    files = CertificateFiles(tmp_path, old.issue("server"))
    server = start_server("--threads=2", *files.options())
    expires = scrape(server).value("latchkey_tls_certificate_expiry_seconds")
    assert scrape(server).value(RELOADS, result="ok") == 0
    with steady_calls(server.address, credentials_of(old)) as calls:
        files.put(new.issue("server", 2 * DAY))
        wait_for_reload(server, "ok", 1)
        assert serves(server, credentials_of(new))
        assert not serves(server, credentials_of(old))
        # The old connection does not notice.
        before = calls()
        wait_for(lambda: calls() > before + 100)
    later = scrape(server).value("latchkey_tls_certificate_expiry_seconds")
    assert 20 * 3600 < later - expires < 28 * 3600
    assert server.log().count("event=tls-reloaded") == 1


def test_files_that_cannot_be_used_change_nothing(start_server, tmp_path, old,
                                                  new):
    first, other = old.issue("server"), new.issue("other")
    files = CertificateFiles(tmp_path, first)
    server = start_server("--threads=1", *files.options())

    with steady_calls(server.address, credentials_of(old)) as calls:
        failures = 0

        def assert_kept():
            nonlocal failures
            failures += 1
            wait_for_reload(server, "failed", failures)
            assert serves(server, credentials_of(old))
            assert not serves(server, credentials_of(new))
            before = calls()
            wait_for(lambda: calls() > before + 10)

        files.certificate.unlink()
        assert_kept()
        files.put_certificate(other)
        assert_kept()
        files.certificate.write_bytes(other.certificate[:100])
        assert_kept()
        files.put_certificate(first)
        files.key.unlink()
        assert_kept()
        files.put_key(other)
        assert_kept()
        # At last they match.
        files.put_certificate(other)
        wait_for_reload(server, "ok", 1)
        assert serves(server, credentials_of(new))
    log = server.log()
    assert log.count("event=tls-reload-failed") == failures
    assert str(files.key) in log
    # Not even of a key that is a wrong one.
    assert "PRIVATE KEY" not in log


def test_the_authority_of_clients_is_replaced(start_server, tmp_path, old, new):
    files = CertificateFiles(tmp_path, old.issue("server"), client_ca=old)
    server = start_server("--threads=1", *files.options())
    of_old = credentials_of(old, old.issue("client"))
    of_new = credentials_of(old, new.issue("client"))
    assert not serves(server, of_new)
    with steady_calls(server.address, of_old):
        files.put_client_ca(new)
        wait_for_reload(server, "ok", 1)
        assert serves(server, of_new)
        assert not serves(server, of_old)
