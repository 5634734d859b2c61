"""The operations port of a server, and its metrics as Prometheus reads them.

Example:
  before = scrape(server).value("latchkey_keyspace_misses_total")
  cache.Get(key=b"k")
  after = scrape(server).value("latchkey_keyspace_misses_total")
  assert after - before == 1
"""

import http.client
import time

from prometheus_client.parser import text_string_to_metric_families
from server_process import PATIENCE_SECONDS

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def http_get(server, path, method="GET"):
    """The status, headers and text that the port answers with."""
    connection = http.client.HTTPConnection(server.http_address,
                                            timeout=PATIENCE_SECONDS)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.headers, response.read().decode()
    finally:
        connection.close()


class Metrics:
    """What one scrape has seen."""

    def __init__(self, text):
        self.text = text
        self.families = {}
        self._values = {}
        for family in text_string_to_metric_families(text):
            assert family.name not in self.families, family.name
            self.families[family.name] = family
            for sample in family.samples:
                key = (sample.name, frozenset(sample.labels.items()))
                assert key not in self._values, sample
                self._values[key] = sample.value

    def value(self, name, **labels):
        """The one sample of this name and exactly these labels."""
        return self._values[name, frozenset(labels.items())]

    def get(self, name, **labels):
        """As value(), or 0 for what was not there to be counted."""
        return self._values.get((name, frozenset(labels.items())), 0)

    def sum(self, name, **labels):
        """The sum of all samples that have these labels, among others."""
        return sum(value for (sample, pairs), value in self._values.items()
                   if sample == name and labels.items() <= pairs)


def scrape(server):
    status, headers, text = http_get(server, "/metrics")
    assert status == 200
    assert headers["Content-Type"] == CONTENT_TYPE
    return Metrics(text)


def wait_for(condition):
    """Returns the first answer of condition() that is true."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        answer = condition()
        if answer:
            return answer
        assert time.monotonic() < deadline, "waited in vain"
