"""One latchkeyd that a test started, and the programs beside it.

Every server listens on port 0 of 127.0.0.1 and is ended by SIGTERM to its own
process id, unless a test kills it.  Its log goes to a file, which a failing test
shows.
"""

import contextlib
import functools
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

# For a start or a stop: a sanitizer build on a busy machine is slow.
PATIENCE_SECONDS = 60

BIN = Path(os.environ["LATCHKEY_TEST_BIN"])

# What carries the calls of the servers.
TRANSPORT = os.environ["LATCHKEY_TEST_TRANSPORT"]

# Sanitizers keep what was freed for a while.
SANITIZED = any(mark in (BIN / "latchkeyd").read_bytes()
                for mark in (b"__asan_init", b"__tsan_init"))


def run_program(name, *arguments, environment=None, **options):
    """Runs a program of the build to its end and returns the result."""
    return subprocess.run([BIN / name, *map(str, arguments)],
                          env={**os.environ, **(environment or {})},
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=PATIENCE_SECONDS, check=False, **options)


class ServerProcess:
    """A running latchkeyd.

    Example:
      with ServerProcess(tmp_path / "log", "--threads=1") as server:
          channel = grpc.insecure_channel(server.address)
    """

    def __init__(self, log_path, *arguments, environment=None, listen=True,
                 transport=TRANSPORT):
        self.log_path = Path(log_path)
        self._killed = False
        command = [BIN / "latchkeyd", f"--transport={transport}", *arguments]
        if listen:
            command.append("--listen=127.0.0.1:0")
        with open(self.log_path, "wb") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=log, env={**os.environ, **(environment or {})})
        self.address = self._read_address()
        host, _, port = self.address.rpartition(":")
        self.socket_address = (host, int(port))

    @functools.cached_property
    def http_address(self):
        """Where the operations port is: what the second line says."""
        line = self._read_line()
        prefix = "http "
        assert line.startswith(prefix), (line, self.log())
        return line[len(prefix):].strip()

    def _read_address(self):
        line = self._read_line()
        prefix = "listening "
        if not line.startswith(prefix):
            self._process.kill()
            code = self._process.wait()
            raise AssertionError(f"latchkeyd printed {line!r}, ended with "
                                 f"{code} and logged:\n{self.log()}")
        return line[len(prefix):].strip()

    def _read_line(self):
        # A server that never prints it is killed, which ends the read.
        timer = threading.Timer(PATIENCE_SECONDS, self._process.kill)
        timer.start()
        try:
            return self._process.stdout.readline().decode()
        finally:
            timer.cancel()

    @property
    def pid(self):
        return self._process.pid

    def open_files(self):
        """What the process has open, as its numbers."""
        return os.listdir(f"/proc/{self.pid}/fd")

    def rest_of_stdout(self):
        """What was printed and not read, once the process has closed it."""
        timer = threading.Timer(PATIENCE_SECONDS, self._process.kill)
        timer.start()
        try:
            return self._process.stdout.read().decode()
        finally:
            timer.cancel()

    def running(self):
        return self._process.poll() is None

    def log(self):
        return self.log_path.read_text(errors="replace")

    def signal(self, number):
        self._process.send_signal(number)

    def kill(self):
        """Ends the server by SIGKILL: it can neither answer nor clean up."""
        self._killed = True
        self._process.kill()
        self.wait()

    def freeze(self):
        """Stops all threads of the server, which stays there and is silent."""
        self.signal(signal.SIGSTOP)
        # The stop is under way when it has been sent, not done.
        deadline = time.monotonic() + PATIENCE_SECONDS
        while set(self._thread_states()) != {"T"}:
            assert time.monotonic() < deadline, "the server did not stop"

    def thaw(self):
        """Lets a frozen server go on."""
        self.signal(signal.SIGCONT)

    @contextlib.contextmanager
    def paused(self):
        """Freezes the server for the length of a block."""
        try:
            self.freeze()
            yield
        finally:
            self.thaw()

    def _thread_states(self):
        for stat in Path(f"/proc/{self.pid}/task").glob("*/stat"):
            # The state follows the name, which is in brackets.
            yield stat.read_text().rpartition(")")[2].split()[0]

    def wait(self):
        """The exit code, once the process has ended."""
        try:
            return self._process.wait(timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise AssertionError(
                f"latchkeyd did not stop; its log:\n{self.log()}") from None
        finally:
            self._process.stdout.close()

    def stop(self):
        """Ends the server as an operator does; fails unless it exits with 0.

        One that a test has killed is left at that.
        """
        if self._killed:
            return
        if self.running():
            self.signal(signal.SIGTERM)
        code = self.wait()
        assert code == 0, f"latchkeyd exited with {code}:\n{self.log()}"

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if kind is None:
            self.stop()
        else:
            self._process.kill()
            self.wait()
