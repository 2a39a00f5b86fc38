/** A forward proxy that simulates the loss of a network: it resets all connections and refuses new ones until reconnected. */
import { createServer, request as sendRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";

export class NetworkProxy {
  private isDisconnected = false;
  private readonly open = new Set<Socket>();
  private readonly server = createServer((request, response) => this.forward(request, response));

  /** Resolves to the proxy's URL. */
  async start(): Promise<string> {
    this.server.on("connection", (socket) => {
      if (this.isDisconnected) return void socket.destroy();
      this.track(socket);
    });
    // Browsers tunnel WebSockets through a proxy with CONNECT.
    this.server.on("connect", ({ url }, client: Socket, head) => {
      const [host, port] = url!.split(":");
      const upstream = connect(Number(port), host);
      this.track(upstream);
      upstream.once("connect", () => {
        client.write("HTTP/1.1 200 Connection established\r\n\r\n");
        upstream.write(head);
        client.pipe(upstream).pipe(client);
      });
      for (const [end, other] of [[client, upstream], [upstream, client]] as const) {
        end.on("error", () => {});
        end.on("close", () => other.destroy());
      }
    });
    await new Promise<void>((ready) => this.server.listen(0, "127.0.0.1", ready));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  disconnect(): void {
    this.isDisconnected = true;
    for (const socket of this.open) socket.destroy();
  }

  reconnect(): void {
    this.isDisconnected = false;
  }

  stop(): void {
    this.disconnect();
    this.server.close();
  }

  private track(socket: Socket): void {
    this.open.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => this.open.delete(socket));
  }

  private forward(request: IncomingMessage, response: ServerResponse): void {
    const outgoing = sendRequest(request.url!, { method: request.method, headers: request.headers, agent: false }, (upstream) => {
      response.writeHead(upstream.statusCode!, upstream.headers);
      upstream.pipe(response);
    });
    outgoing.on("socket", (socket) => this.track(socket));
    outgoing.on("error", () => response.destroy());
    request.pipe(outgoing);
  }
}
