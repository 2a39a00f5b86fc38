"""The gateway's WebSocket protocol, spoken by clients that we did not write: `websockets` for what a good
client does, `wsproto` and bare sockets for what a good client never would.

Expectations are RFC 6455's (https://www.rfc-editor.org/rfc/rfc6455) and, for sizes and kinds of frames, API
Gateway's (https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html:
32 KB a frame, 128 KB a message; binary frames are not supported). Where AWS does not say how API Gateway
answers a breach of the protocol, the test follows the RFC and its docstring says so.

Run by hand:  pytest tests/conformance/test_websocket.py   (after cargo build)
"""

import base64
import json
import os
import socket
import struct
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import websockets
from websockets.sync.client import connect
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Message, Ping, Pong, Request, TextMessage

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug" / "longhaul"
MAX_WAIT = 60
PING = '{"action":"ping","requestId":"é€𝄞"}'
TEXT, BINARY, CONTINUATION, CLOSE, PING_FRAME, PONG_FRAME = 1, 2, 0, 8, 9, 10


@pytest.fixture(scope="session")
def gateway(tmp_path_factory):
    """An embedded cloud's gateway, as (host, port), without the stage's throttle."""
    data = tmp_path_factory.mktemp("websocket")
    command = [PROGRAM, "up", "--port", "0", "--aws-port", "0", "--no-throttle", "--data", data]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        address = None
        for line in process.stdout:
            if line.startswith("WebSocket "):
                address = urlsplit(line.split()[1])
            if line.strip() == "READY":
                break
        try:
            assert address, "the embedded cloud ended before READY"
            yield address.hostname, address.port
        finally:
            process.terminate()
            process.wait(MAX_WAIT)


class Raw:
    """A connection that sends raw bytes."""

    def __init__(self, address, headers=None):
        self.socket = socket.create_connection(address, MAX_WAIT)
        key = base64.b64encode(os.urandom(16)).decode()
        fields = {
            "Host": f"{address[0]}:{address[1]}",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": key,
            "Sec-WebSocket-Version": "13",
        }
        fields |= headers or {}
        lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
        self.socket.sendall(("GET / HTTP/1.1\r\n" + "\r\n".join(lines) + "\r\n\r\n").encode())
        self.unread = b""
        while b"\r\n\r\n" not in self.unread:
            self._more()
        head, self.unread = self.unread.split(b"\r\n\r\n", 1)
        first, *rest = head.decode().split("\r\n")
        self.status = int(first.split()[1])
        self.headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in rest)}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def _more(self):
        bytes_ = self.socket.recv(65536)
        if not bytes_:
            raise EOFError
        self.unread += bytes_

    def _take(self, count):
        while len(self.unread) < count:
            self._more()
        taken, self.unread = self.unread[:count], self.unread[count:]
        return taken

    def send(self, opcode, payload=b"", fin=True, masked=True, reserved=0):
        if isinstance(payload, str):
            payload = payload.encode()
        first = bytes([(0x80 if fin else 0) | reserved << 4 | opcode])
        mark = 0x80 if masked else 0
        if len(payload) < 126:
            length = bytes([mark | len(payload)])
        elif len(payload) < 65536:
            length = bytes([mark | 126]) + struct.pack("!H", len(payload))
        else:
            length = bytes([mark | 127]) + struct.pack("!Q", len(payload))
        mask = os.urandom(4) if masked else b""
        body = bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload)) if masked else payload
        self.socket.sendall(first + length + mask + body)

    def receive(self):
        """The next frame: (opcode, payload). What the server sends is whole and unmasked (RFC 6455, 5.1)."""
        first, second = self._take(2)
        assert first & 0x70 == 0 and second & 0x80 == 0
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", self._take(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self._take(8))
        assert first & 0x80
        return first & 0x0F, self._take(length)

    def closes(self):
        """The code and reason of the close frame, which is the last thing that comes before the end."""
        opcode, payload = self.receive()
        assert opcode == CLOSE, (opcode, payload)
        assert self.ends()
        return (struct.unpack("!H", payload[:2])[0], payload[2:].decode()) if payload else (None, "")

    def ends(self):
        """Whether the server ends its side with nothing more to say."""
        try:
            self._take(1)
            return False
        except EOFError:
            return True


def is_pong(frame):
    opcode, payload = frame
    answer = json.loads(payload)
    return opcode == TEXT and answer["type"] == "pong" and answer["requestId"] == "é€𝄞"


def pieces(text, count):
    """The bytes in this many pieces, cut anywhere, also within a character."""
    data = text.encode()
    cuts = [len(data) * n // count for n in range(count + 1)]
    return [data[a:b] for a, b in zip(cuts, cuts[1:])]


# The handshake (RFC 6455, 4.2)


def test_a_handshake_is_answered_with_the_keys_proof(gateway):
    """The RFC's own example key and its accept value (1.3)."""
    with Raw(gateway, {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}) as raw:
        assert raw.status == 101
        assert raw.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        assert raw.headers["upgrade"].lower() == "websocket"
        assert "upgrade" in raw.headers["connection"].lower()
        assert "sec-websocket-extensions" not in raw.headers


def test_another_version_is_answered_with_the_one_that_is_spoken(gateway):
    """426 with the version (4.2.2). API Gateway's own status for it is undocumented."""
    for version in ["8", "14", "", None]:
        with Raw(gateway, {"Sec-WebSocket-Version": version}) as raw:
            assert (raw.status, raw.headers["sec-websocket-version"]) == (426, "13")


@pytest.mark.parametrize("key", [None, "", "short", "not base64 at all!!!!!!=", base64.b64encode(bytes(15)).decode()])
def test_a_handshake_needs_a_key_of_16_bytes(gateway, key):
    """400 (4.2.1, point 5). API Gateway's own status for it is undocumented."""
    with Raw(gateway, {"Sec-WebSocket-Key": key}) as raw:
        assert raw.status == 400


def test_a_subprotocol_that_was_not_offered_is_never_selected(gateway):
    """4.2.2: at most one of those offered. The application knows `longhaul.v1`, and takes any other for a token."""
    for offer, selected in [(None, None), ("chat", None), ("longhaul.v1", "longhaul.v1")]:
        with Raw(gateway, {"Sec-WebSocket-Protocol": offer}) as raw:
            assert raw.status == (403 if offer == "chat" else 101)
            assert raw.headers.get("sec-websocket-protocol") == selected


def test_extensions_are_declined(gateway):
    """9.1: a server may accept none; `websockets` offers permessage-deflate and goes on without."""
    with connect(f"ws://{gateway[0]}:{gateway[1]}", compression="deflate") as client:
        client.send(PING)
        assert json.loads(client.recv(MAX_WAIT))["type"] == "pong"
        assert client.protocol.extensions == []


# Messages (RFC 6455, 5.4 and 5.6)


@pytest.mark.parametrize("count", range(2, 11))
def test_a_text_in_fragments_is_one_message(gateway, count):
    with connect(f"ws://{gateway[0]}:{gateway[1]}") as client:
        size = -(-len(PING) // count)
        client.send(PING[n : n + size] for n in range(0, len(PING), size))
        assert json.loads(client.recv(MAX_WAIT))["requestId"] == "é€𝄞"


@pytest.mark.parametrize("count", [2, 5, 10, len(PING.encode())])
def test_a_character_may_be_cut_by_a_frame(gateway, count):
    """5.6: only the whole message must be UTF-8."""
    with Raw(gateway) as raw:
        parts = pieces(PING, count)
        for n, part in enumerate(parts):
            raw.send(TEXT if n == 0 else CONTINUATION, part, fin=n == len(parts) - 1)
        assert is_pong(raw.receive())


def test_a_byte_at_a_time_is_a_frame_all_the_same(gateway):
    with Raw(gateway) as raw:
        raw.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sent, raw.socket = raw.socket, Slow(raw.socket)
        raw.send(TEXT, PING)
        raw.socket = sent
        assert is_pong(raw.receive())


class Slow:
    def __init__(self, inner):
        self.inner = inner

    def sendall(self, data):
        for n in range(len(data)):
            self.inner.sendall(data[n : n + 1])


def test_fragments_may_be_empty(gateway):
    with Raw(gateway) as raw:
        raw.send(TEXT, b"", fin=False)
        for part in pieces(PING, 3):
            raw.send(CONTINUATION, part, fin=False)
            raw.send(CONTINUATION, b"", fin=False)
        raw.send(CONTINUATION, b"")
        assert is_pong(raw.receive())


def test_control_frames_may_stand_between_fragments(gateway):
    """5.4: they are answered at once, and the message goes on."""
    with Raw(gateway) as raw:
        first, second, third = pieces(PING, 3)
        raw.send(TEXT, first, fin=False)
        raw.send(PING_FRAME, b"one")
        assert raw.receive() == (PONG_FRAME, b"one")
        raw.send(CONTINUATION, second, fin=False)
        raw.send(PONG_FRAME, b"nobody asked")
        raw.send(PING_FRAME, b"")
        assert raw.receive() == (PONG_FRAME, b"")
        raw.send(CONTINUATION, third)
        assert is_pong(raw.receive())


def test_many_messages_in_one_segment_are_all_answered(gateway):
    with connect(f"ws://{gateway[0]}:{gateway[1]}") as client:
        wanted = {str(n) for n in range(40)}
        for n in wanted:
            client.send(json.dumps({"action": "ping", "requestId": n}))
        assert {json.loads(client.recv(MAX_WAIT))["requestId"] for _ in wanted} == wanted


@pytest.mark.parametrize(
    "frames",
    [
        [(TEXT, b"\xff\xfe", True)],
        [(TEXT, b'{"action":"\xc3"}', True)],
        [(TEXT, "€".encode()[:2], True)],
        [(TEXT, b"\xed\xa0\x80", True)],
        [(TEXT, b"\xf4\x90\x80\x80", True)],
        [(TEXT, b"\xc0\xaf", True)],
        [(TEXT, "€".encode()[:1], False), (CONTINUATION, b"(", True)],
    ],
    ids=["never", "cut short inside", "cut short", "surrogate", "too high", "overlong", "across frames"],
)
def test_what_is_not_utf8_closes_with_1007(gateway, frames):
    """8.1. API Gateway's own code for it is undocumented."""
    with Raw(gateway) as raw:
        for opcode, payload, fin in frames:
            raw.send(opcode, payload, fin)
        assert raw.closes()[0] == 1007


def test_a_binary_message_closes_with_1003(gateway):
    """API Gateway does not support binary frames; 1003 is what it then says."""
    with connect(f"ws://{gateway[0]}:{gateway[1]}") as client:
        client.send(b"\x00\x01")
        with pytest.raises(websockets.ConnectionClosedError) as closed:
            client.recv(MAX_WAIT)
        assert closed.value.rcvd.code == 1003


# Sizes (API Gateway's quotas)


def test_a_frame_of_32_kib_is_taken(gateway):
    with Raw(gateway) as raw:
        raw.send(TEXT, PING.encode().ljust(32 * 1024))
        opcode, payload = raw.receive()
        assert opcode == TEXT, (opcode, payload)


def test_a_frame_above_32_kib_closes_with_1009(gateway):
    with Raw(gateway) as raw:
        raw.send(TEXT, b"x" * (32 * 1024 + 1))
        assert raw.closes()[0] == 1009


def test_a_message_of_128_kib_in_frames_is_taken(gateway):
    with Raw(gateway) as raw:
        data = PING.encode().ljust(128 * 1024)
        for n in range(4):
            part = data[n * 32768 : (n + 1) * 32768]
            raw.send(TEXT if n == 0 else CONTINUATION, part, fin=n == 3)
        opcode, payload = raw.receive()
        assert opcode == TEXT, (opcode, payload)


def test_a_message_above_128_kib_in_frames_closes_with_1009(gateway):
    with Raw(gateway) as raw:
        for n in range(5):
            raw.send(TEXT if n == 0 else CONTINUATION, b" " * (32768 if n < 4 else 1), fin=n == 4)
        assert raw.closes()[0] == 1009


def test_a_length_that_no_one_could_send_closes_with_1009(gateway):
    """The header alone promises 2^62 bytes: refused before any of them comes."""
    with Raw(gateway) as raw:
        raw.socket.sendall(b"\x81\xff" + struct.pack("!Q", 1 << 62) + b"mask")
        assert raw.closes()[0] == 1009


# Breaches of the protocol: 1002 by the RFC; API Gateway's own codes for them are undocumented.


def test_an_unmasked_frame_closes_with_1002(gateway):
    """5.1: a server must close the connection upon a frame that is not masked."""
    with Raw(gateway) as raw:
        raw.send(TEXT, PING, masked=False)
        assert raw.closes()[0] == 1002


@pytest.mark.parametrize("reserved", [1, 2, 4, 7])
def test_a_reserved_bit_closes_with_1002(gateway, reserved):
    """5.2: without an extension that gives them a meaning."""
    with Raw(gateway) as raw:
        raw.send(TEXT, PING, reserved=reserved)
        assert raw.closes()[0] == 1002


@pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
def test_a_reserved_opcode_closes_with_1002(gateway, opcode):
    with Raw(gateway) as raw:
        raw.send(opcode)
        assert raw.closes()[0] == 1002


@pytest.mark.parametrize(
    "frames",
    [
        [(CONTINUATION, b"of nothing", True)],
        [(TEXT, b"begun", False), (TEXT, b"and again", True)],
        [(PING_FRAME, b"in two", False)],
        [(PING_FRAME, b"x" * 126, True)],
        [(CLOSE, b"\x03\xe8" + b"x" * 124, True)],
        [(CLOSE, b"\x03", True)],
    ],
    ids=["continuation of nothing", "text within a text", "ping in fragments", "long ping", "long close", "half a code"],
)
def test_frames_out_of_order_or_shape_close_with_1002(gateway, frames):
    """5.4, 5.5 and 5.5.1."""
    with Raw(gateway) as raw:
        for opcode, payload, fin in frames:
            raw.send(opcode, payload, fin)
        assert raw.closes()[0] == 1002


# Ping and pong (RFC 6455, 5.5.2 and 5.5.3)


@pytest.mark.parametrize("payload", [b"", b"hello", bytes(range(125))], ids=len)
def test_a_ping_is_answered_with_its_payload(gateway, payload):
    with Raw(gateway) as raw:
        raw.send(PING_FRAME, payload)
        assert raw.receive() == (PONG_FRAME, payload)


def test_a_pong_that_nobody_asked_for_is_ignored(gateway):
    connection, stream = WSConnection(ConnectionType.CLIENT), socket.create_connection(gateway, MAX_WAIT)
    with stream:

        def events(kind):
            while True:
                for event in connection.events():
                    if isinstance(event, kind):
                        return event
                connection.receive_data(stream.recv(65536) or None)

        stream.sendall(connection.send(Request(host=f"{gateway[0]}:{gateway[1]}", target="/")))
        events(AcceptConnection)
        stream.sendall(connection.send(Pong(payload=b"unsolicited")))
        stream.sendall(connection.send(Ping(payload=b"asked")))
        assert events(Pong).payload == b"asked"
        stream.sendall(connection.send(Message(data=PING)))
        assert json.loads(events(TextMessage).data)["type"] == "pong"
        stream.sendall(connection.send(CloseConnection(code=1000)))
        assert events(CloseConnection).code == 1000


# The close (RFC 6455, 5.5.1 and 7)


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999])
def test_a_close_is_answered_with_its_code_and_reason(gateway, code):
    """5.5.1: an answer typically echoes the status code; the reason is not required of it."""
    with Raw(gateway) as raw:
        raw.send(CLOSE, struct.pack("!H", code) + "bye €".encode())
        answered, reason = raw.closes()
        assert answered == code and reason in ("bye €", "")


def test_a_close_without_a_code_is_answered(gateway):
    with Raw(gateway) as raw:
        raw.send(CLOSE)
        assert raw.closes()[0] in (None, 1000)


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1012 + 4, 1100, 2000, 2999, 5000, 65535])
def test_a_code_that_must_not_be_sent_closes_with_1002(gateway, code):
    """7.4: reserved, or outside of what is assigned."""
    with Raw(gateway) as raw:
        raw.send(CLOSE, struct.pack("!H", code))
        assert raw.closes()[0] == 1002


def test_a_reason_that_is_not_utf8_closes_with_1007(gateway):
    """8.1 holds for the reason, too; some servers say 1002."""
    with Raw(gateway) as raw:
        raw.send(CLOSE, b"\x03\xe8\xff\xff")
        assert raw.closes()[0] in (1002, 1007)


def test_what_comes_after_a_close_is_not_answered(gateway):
    with Raw(gateway) as raw:
        raw.send(CLOSE, struct.pack("!H", 1000))
        raw.send(TEXT, PING)
        raw.send(PING_FRAME, b"still there?")
        assert raw.closes()[0] == 1000


def test_a_client_closes_cleanly(gateway):
    with connect(f"ws://{gateway[0]}:{gateway[1]}") as client:
        client.close(4001, "enough")
        assert (client.protocol.close_rcvd.code, client.protocol.close_rcvd_then_sent) == (4001, False)


def test_a_half_closed_socket_is_given_up(gateway):
    """The client's side ends without a close frame: 1006 to `$disconnect`, and our side ends, too."""
    with Raw(gateway) as raw:
        raw.send(PING_FRAME, b"here")
        assert raw.receive() == (PONG_FRAME, b"here")
        raw.socket.shutdown(socket.SHUT_WR)
        assert raw.ends()


def test_a_client_that_vanishes_disturbs_no_other(gateway):
    with connect(f"ws://{gateway[0]}:{gateway[1]}") as other:
        for sent in [b"", b"\x81", b"\x81\xfe\x00", b"\x01\x85mask"]:
            with Raw(gateway) as raw:
                raw.socket.sendall(sent)
                raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        other.send(PING)
        assert json.loads(other.recv(MAX_WAIT))["type"] == "pong"
