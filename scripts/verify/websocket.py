"""A WebSocket client (RFC 6455) for text frames, on Python's standard library alone."""

import base64
import hashlib
import os
import socket
import ssl
import struct
import time
from urllib.parse import urlsplit

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CONNECT_SECONDS = 30
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class Refused(Exception):
    """The handshake was answered with this HTTP status."""

    def __init__(self, status):
        super().__init__(f"the handshake was answered with HTTP {status}")
        self.status = status


class Closed(Exception):
    """The connection is closed."""


class WebSocket:
    def __init__(self, url, protocols=()):
        parts = urlsplit(url)
        secure = parts.scheme == "wss"
        port = parts.port or (443 if secure else 80)
        self.socket = socket.create_connection((parts.hostname, port), timeout=CONNECT_SECONDS)
        if secure:
            self.socket = ssl.create_default_context().wrap_socket(self.socket, server_hostname=parts.hostname)
        self.received = b""
        try:
            self._handshake(parts, protocols)
        except BaseException:
            self.socket.close()
            raise

    def _handshake(self, parts, protocols):
        key = base64.b64encode(os.urandom(16)).decode()
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: {parts.netloc}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
        ]
        if protocols:
            lines.append(f"Sec-WebSocket-Protocol: {', '.join(protocols)}")
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())
        while b"\r\n\r\n" not in self.received:
            self._receive(time.monotonic() + CONNECT_SECONDS)
        head, self.received = self.received.split(b"\r\n\r\n", 1)
        first, *rest = head.decode("latin-1").split("\r\n")
        status = int(first.split(" ")[1])
        if status != 101:
            raise Refused(status)
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
        expected = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
        if headers.get("sec-websocket-accept") != expected:
            raise Refused("101 without the right Sec-WebSocket-Accept")

    def _receive(self, end):
        """Adds bytes to `received`; `TimeoutError` after `end`."""
        self.socket.settimeout(max(end - time.monotonic(), 0.001))
        data = self.socket.recv(65536)
        if not data:
            raise Closed("the connection was closed without a close frame")
        self.received += data

    def _frame(self, end):
        """The next frame: whether it is the last of its message, its opcode and its payload. Bytes are consumed only
        when a frame is complete, so a timeout loses none."""
        while True:
            if len(self.received) >= 2:
                first, length = self.received[0], self.received[1] & 127
                start = 2 + {126: 2, 127: 8}.get(length, 0)
                if len(self.received) >= start:
                    if start > 2:
                        length = int.from_bytes(self.received[2:start], "big")
                    if len(self.received) >= start + length:
                        payload = self.received[start : start + length]
                        self.received = self.received[start + length :]
                        return bool(first & 128), first & 15, payload
            self._receive(end)

    def _send(self, opcode, payload):
        mask = os.urandom(4)
        length = len(payload)
        head = bytes([128 | opcode])
        if length < 126:
            head += bytes([128 | length])
        elif length < 1 << 16:
            head += bytes([128 | 126]) + struct.pack(">H", length)
        else:
            head += bytes([128 | 127]) + struct.pack(">Q", length)
        self.socket.settimeout(CONNECT_SECONDS)
        self.socket.sendall(head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload)))

    def send(self, text):
        self._send(TEXT, text.encode())

    def next(self, seconds):
        """The next text message. `TimeoutError` after these seconds, `Closed` when there will be none."""
        end, message = time.monotonic() + seconds, b""
        while True:
            last, opcode, payload = self._frame(end)
            if opcode == CLOSE:
                code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else "none"
                raise Closed(f"the server closed the connection with code {code}")
            if opcode == PING:
                self._send(PONG, payload)
            elif opcode != PONG:
                message += payload
                if last:
                    return message.decode()

    def close(self):
        try:
            self._send(CLOSE, struct.pack(">H", 1000))
        except OSError:
            pass
        self.socket.close()
