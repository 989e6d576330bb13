"""Lines straight from PostgreSQL's COPY, on a connection of their own; stopped at once when nobody reads them any more.

psycopg gives the lines one by one through a generator of Python; here they are gathered to blocks as the driver has
them, at three times the speed, and while the server computes somebody looks whether the client is still there.
"""

import select
import socket
import time
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection
from psycopg.pq import ExecStatus

LOOK_S = 0.5  # between two looks at the client while the server is silent


class ClientGone(Exception):
    """Nobody is there to read the rest."""


class CopyOut:
    """One running ``COPY (...) TO STDOUT``.

    Parameters
    ----------
    statement : str
        The whole statement, its values written in.
    client : socket.socket, optional
        Who waits for it, to be looked at while the server is silent.
    """

    def __init__(self, statement: str, client: socket.socket | None = None) -> None:
        # inside a transaction its own rows are exported, which no other connection sees
        self._own = None if connection.in_atomic_block else _own_connection()
        self._client = client
        self._has_begun = self.is_over = False
        self._looks_at_s = time.monotonic() + LOOK_S
        try:
            wrapper = self._own or connection
            wrapper.ensure_connection()
            self._server: Any = wrapper.connection.pgconn
            self._poll = select.poll()
            self._poll.register(self._server.socket, select.POLLIN)
            with connection.wrap_database_errors:
                self._server.send_query(statement.encode())
                while self._server.flush():
                    select.select([], [self._server.socket], [], LOOK_S)
        except BaseException:
            self.is_over = True
            self.close()
            raise

    def block(self, n_bytes: int, n_lines: int = 2**31, patience_s: float | None = None) -> tuple[bytearray, int]:
        """Return the next whole lines, and how many; none at the end.

        Parameters
        ----------
        n_bytes, n_lines : int
            Enough of them; there may be fewer, and one line more than `n_bytes`.
        patience_s : float, optional
            Return what there is after this time; by default wait for a full block.
        """
        lines, count = bytearray(), 0
        until_s = None if patience_s is None else time.monotonic() + patience_s
        with connection.wrap_database_errors:
            while not self.is_over and len(lines) < n_bytes and count < n_lines:
                if not self._has_begun and not self._begin():
                    if not self._wait(until_s):
                        break
                    continue
                n_read, line = self._server.get_copy_data(1)
                if n_read > 0:
                    lines += line
                    count += 1
                elif n_read < 0:
                    self._end()
                elif not self._wait(until_s):
                    break
        return lines, count

    def close(self) -> None:
        """Stop the query if it still runs, and give the connection back; safe to call again."""
        own, self._own = self._own, None
        try:
            if not self.is_over:
                self.is_over = True
                self._server.get_cancel().cancel()
                if own is None:
                    self._drain()
        except psycopg.Error:
            pass  # it has ended by itself, or the server is gone
        finally:
            if own is not None:
                own.close()

    def _begin(self) -> bool:
        """Whether the server has begun to send; its refusal is raised."""
        if self._server.is_busy():
            return False
        result = self._server.get_result()
        if result is None or result.status != ExecStatus.COPY_OUT:
            self._end(result)
        self._has_begun = True
        return True

    def _end(self, result: Any = None) -> None:
        """Take what the server says at the end; an error on the way is raised."""
        self.is_over = True
        result = result or self._server.get_result()
        while self._server.get_result() is not None:
            pass
        if result is not None and result.status == ExecStatus.FATAL_ERROR:
            raise psycopg.errors.error_from_result(result)

    def _wait(self, until_s: float | None) -> bool:
        """Wait for the server; False when the patience is over."""
        now_s = time.monotonic()
        if until_s is not None and now_s >= until_s:
            return False
        wait_s = LOOK_S if until_s is None else min(LOOK_S, until_s - now_s)
        if self._poll.poll(1000 * wait_s):
            self._server.consume_input()
        elif self._client is not None and time.monotonic() >= self._looks_at_s:
            self._looks_at_s = time.monotonic() + LOOK_S
            if _has_hung_up(self._client):
                raise ClientGone
        return True

    def _drain(self) -> None:
        """Read away what was on its way, so that the connection can be used again."""
        while not self._has_begun:
            result = self._server.get_result()
            if result is None or result.status != ExecStatus.COPY_OUT:
                break
            self._has_begun = True
        while self._has_begun and self._server.get_copy_data(0)[0] > 0:
            pass
        while self._server.get_result() is not None:
            pass


def _own_connection() -> Any:
    """Return a second connection as this thread's, by a name of its own in the server's list."""
    own = connection.copy()
    options = own.settings_dict["OPTIONS"]
    own.settings_dict["OPTIONS"] = {**options, "application_name": settings.EXPORTS_APPLICATION}
    own.inc_thread_sharing()  # who drops it last may be another thread
    own.connect()
    return own


def _has_hung_up(client: socket.socket) -> bool:
    """Whether the other side has closed; what it may have sent meanwhile stays where it is."""
    try:
        # asked first: a socket with a time limit would wait for something to come
        return bool(select.select([client], [], [], 0)[0]) and client.recv(1, socket.MSG_PEEK) == b""
    except (OSError, ValueError):
        return True
