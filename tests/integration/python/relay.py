"""A link to a server that breaks where a test wants it to."""

import contextlib
import socket
import threading


class Relay:
    """Passes bytes between clients and a server, and once, before it passes on
    the first bytes in which a client said `trigger`, calls `on_trigger`.

    Example:
      with Relay(server.socket_address, b"/latchkey.v1.Cache/Put",
                 lambda relay: relay.drop_answers()) as relay:
          latchkey("--server", relay.address, "put", "k", "v")
    """

    def __init__(self, target, trigger, on_trigger):
        self.target = target
        self._trigger = trigger
        self._on_trigger = on_trigger
        # Taken by the first connection that says `trigger`, and kept.
        self._once = threading.Lock()
        self._lock = threading.Lock()
        self._dropping = set()
        self._open = set()
        self._threads = []
        self._errors = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = "%s:%d" % self._listener.getsockname()
        self._start(self._accept)

    def drop_answers(self):
        """From now on what the server says on present connections is lost, its
        goodbye too."""
        with self._lock:
            self._dropping |= self._open

    def reset(self):
        """Ends the present connections."""
        with self._lock:
            ended, self._open = self._open, set()
        for one in ended:
            # One that has ended already has no way to shut down.
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.reset()
        for thread in self._threads:
            thread.join()
        assert not self._errors, self._errors

    def _start(self, run, *arguments):

        def run_and_tell():
            try:
                run(*arguments)
            except OSError:
                # The connection ended, or the relay.
                pass
            except BaseException as error:  # For the thread of the test.
                self._errors.append(error)
                self.reset()

        self._threads.append(threading.Thread(target=run_and_tell))
        self._threads[-1].start()

    def _accept(self):
        while True:
            client, _ = self._listener.accept()
            try:
                server = socket.create_connection(self.target)
            except OSError:
                client.close()
                continue
            with self._lock:
                self._open |= {client, server}
            self._start(self._pass_requests, client, server)
            self._start(self._pass_answers, server, client)

    def _pass_requests(self, client, server):
        said = b""
        while data := client.recv(65536):
            said = said[-len(self._trigger):] + data
            if self._trigger in said and self._once.acquire(blocking=False):
                self._on_trigger(self)
            server.sendall(data)
        server.shutdown(socket.SHUT_WR)

    def _pass_answers(self, server, client):
        while data := server.recv(65536):
            if not self._drops(client):
                client.sendall(data)
        if not self._drops(client):
            client.shutdown(socket.SHUT_WR)

    def _drops(self, client):
        with self._lock:
            return client in self._dropping
