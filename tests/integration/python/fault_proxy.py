"""A bad link in front of a server: the program `fault-proxy`.

Its commands are methods, with "-" for "_"; `fault-proxy --help` lists them.

Example:
  with FaultProxy(server.address) as proxy:
      channel = open_channel(proxy.address)
      proxy.lose_replies(1)
      assert proxy.counters()["replies-lost"] == 0
"""

import functools
import subprocess
import time

from server_process import BIN, PATIENCE_SECONDS


class FaultProxy:

    def __init__(self, target):
        self._process = subprocess.Popen(
            [BIN / "fault-proxy", target], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        line = self._process.stdout.readline().split()
        assert line[:1] == ["listening"], line
        self.address = line[1]

    def command(self, *words):
        """Sends a command; its answer's NAME=NUMBER pairs as a dict."""
        self._process.stdin.write(" ".join(map(str, words)) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().split()
        assert answer[:1] == ["ok"], (words, answer)
        pairs = (pair.split("=") for pair in answer[1:])
        return {name: int(number) for name, number in pairs}

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return functools.partial(self.command, name.replace("_", "-"))

    def wait_for(self, condition):
        """Waits until `condition` is true of the counters; returns these."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition(counters := self.counters()):
            assert time.monotonic() < deadline, counters
        return counters

    def close(self):
        self._process.stdin.close()
        assert self._process.wait(PATIENCE_SECONDS) == 0
        self._process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
