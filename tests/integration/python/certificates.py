"""Certificates that are made for one test.

Example:
  ca = Authority("ours")
  files = CertificateFiles(tmp_path, ca.issue("server"), client_ca=ca)
  server = start_server(*files.options())
"""

import datetime
import ipaddress
import os

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

DAY = datetime.timedelta(days=1)


def _name(text):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


class Pair:
    """A certificate and its key, both in PEM."""

    def __init__(self, certificate, key):
        self.certificate = certificate.public_bytes(
            serialization.Encoding.PEM)
        self.key = key.private_bytes(serialization.Encoding.PEM,
                                     serialization.PrivateFormat.PKCS8,
                                     serialization.NoEncryption())


class Authority:
    """Who issues certificates."""

    def __init__(self, name):
        self._name = _name(name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._sign(
            self._builder(self._name, self._key, DAY).add_extension(
                x509.BasicConstraints(ca=True, path_length=None),
                critical=True)).public_bytes(serialization.Encoding.PEM)

    def issue(self, name, valid_for=DAY):
        """A certificate for 127.0.0.1 and localhost, which may have expired:
        with a negative `valid_for` that much ago."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.DNSName("localhost"),
                 x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        return Pair(self._sign(
            self._builder(_name(name), key, valid_for).add_extension(
                x509.SubjectAlternativeName(names), critical=False)), key)

    def _builder(self, subject, key, valid_for):
        now = datetime.datetime.utcnow()
        return (x509.CertificateBuilder().subject_name(subject)
                .issuer_name(self._name).public_key(key.public_key())
                .serial_number(x509.random_serial_number())
                .not_valid_before(now - 10 * DAY)
                .not_valid_after(now + valid_for))

    def _sign(self, builder):
        return builder.sign(self._key, hashes.SHA256())


class CertificateFiles:
    """The files that a server reads, in a folder of the test's."""

    def __init__(self, folder, pair, client_ca=None):
        self.certificate = folder / "server.pem"
        self.key = folder / "server.key"
        self.client_ca = folder / "clients.pem" if client_ca else None
        self.put(pair)
        if client_ca:
            self.client_ca.write_bytes(client_ca.certificate)

    def put(self, pair):
        """Replaces both files, one after the other, each at once."""
        self.put_certificate(pair)
        self.put_key(pair)

    def put_certificate(self, pair):
        _replace(self.certificate, pair.certificate)

    def put_key(self, pair):
        _replace(self.key, pair.key)

    def put_client_ca(self, authority):
        _replace(self.client_ca, authority.certificate)

    def options(self):
        options = [f"--tls-certificate={self.certificate}",
                   f"--tls-key={self.key}"]
        if self.client_ca:
            options.append(f"--tls-client-ca={self.client_ca}")
        return options


def _replace(file, text):
    new = file.with_suffix(".new")
    new.write_bytes(text)
    os.replace(new, file)
