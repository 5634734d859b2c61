"""What the scripts about overload share: a server on one core whose operations
take a known time, and open loops of latchkey-load on the other."""

import contextlib
import json
import subprocess
import time

import server_load

# CPU that every operation burns.  The client spends 40 us on a request, so that its
# core can offer ten times the capacity of the server's, and no more of it, from 0.5
# ms on; and a server that reads its sockets between two operations can answer a
# refusal within 2 ms as long as an operation takes less.
SERVICE_TIME_US = 1_000
DEADLINE = "50ms"
CONNECTIONS = 8


@contextlib.contextmanager
def serve(programs, transport, service_time_us=SERVICE_TIME_US):
    """A server of our own; yields its address."""
    with server_load.serve(
            programs, f"--transport={transport}",
            f"--test-service-time-us={service_time_us}") as (_, address):
        yield address


class Load:
    """An open loop that runs beside this script."""

    def __init__(self, programs, address, rate, seconds, *options,
                 warm_up_seconds=0.2):
        self.seconds = seconds
        self._process = subprocess.Popen(
            ["taskset", "-c", "1", programs / "latchkey-load",
             f"--address={address}", "--mix=get", "--keys=20",
             f"--connections={CONNECTIONS}", "--in-flight=1000",
             f"--timeout={DEADLINE}", f"--rate={rate:.0f}",
             f"--warm-up={warm_up_seconds}s", f"--duration={seconds}s",
             "--json=-", *options],
            stdout=subprocess.PIPE)

    def result(self):
        """Waits for its end; returns its report with `begin`, when it began."""
        text, _ = self._process.communicate(timeout=self.seconds + 120)
        end = time.monotonic()
        if self._process.returncode != 0:
            raise SystemExit(f"latchkey-load failed: {self._process.returncode}")
        report = json.loads(text)
        report["begin"] = end - report["elapsed_ns"] / 1e9
        report["goodput"] = report["in_time"] / (report["elapsed_ns"] / 1e9)
        return report


def capacity(programs, address, seconds, service_time_us=SERVICE_TIME_US):
    """The most that is answered in time, for each second."""
    nominal = 1e6 / service_time_us
    return max(
        Load(programs, address, share * nominal, seconds).result()["goodput"]
        for share in (0.9, 1.0, 1.2))
