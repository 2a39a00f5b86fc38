"""A TCP proxy that answers a WebSocket handshake with the first subprotocol that the client offered, as API Gateway does
with the header that our function returns. All else passes unchanged."""

import re
import socket
import threading

CHUNK = 65536


class SubprotocolProxy:
    """Listens on a free loopback port, for the server on this address."""

    def __init__(self, server):
        host, port = server.split(":")
        self.server = (host, int(port))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=[client], daemon=True).start()

    def serve(self, client):
        """One connection: two threads copy bytes, and the first bytes from the server are its answer."""
        with client, socket.create_connection(self.server) as server:
            request = head(client)
            server.sendall(request)
            offered = re.search(rb"(?im)^sec-websocket-protocol: *([^,\r]+)", request)
            answer = head(server)
            if offered and answer.startswith(b"HTTP/1.1 101") and b"sec-websocket-protocol" not in answer.lower():
                first, rest = answer.split(b"\r\n", 1)
                answer = first + b"\r\nSec-WebSocket-Protocol: " + offered[1] + b"\r\n" + rest
            client.sendall(answer)
            upwards = threading.Thread(target=copy, args=[client, server], daemon=True)
            upwards.start()
            copy(server, client)
            upwards.join()

    def stop(self):
        self.listener.close()


def head(stream):
    """The bytes up to the end of an HTTP head, with those that came along."""
    received = b""
    while b"\r\n\r\n" not in received:
        data = stream.recv(CHUNK)
        if not data:
            break
        received += data
    return received


def copy(source, target):
    """Until either side closes."""
    try:
        while data := source.recv(CHUNK):
            target.sendall(data)
    except OSError:
        pass
    for stream in (source, target):
        try:
            stream.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
