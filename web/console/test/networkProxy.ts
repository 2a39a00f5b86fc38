/**
 * A network with a plug: a forward proxy, by which a browser reaches everything. Pulled, it resets what is
 * connected and refuses what comes. It knows no page and no WebSocket.
 */
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";

export class Network {
  private isOut = false;
  private readonly open = new Set<Socket>();
  private readonly server = createServer((asked, answer) => this.forward(asked, answer));

  /** Gives the proxy's address. */
  async start(): Promise<string> {
    this.server.on("connection", (socket) => {
      if (this.isOut) return void socket.destroy();
      this.keep(socket);
    });
    // A WebSocket, like anything encrypted, asks for a tunnel.
    this.server.on("connect", ({ url }, near: Socket, head) => {
      const [host, port] = url!.split(":");
      const far = connect(Number(port), host);
      this.keep(far);
      far.once("connect", () => {
        near.write("HTTP/1.1 200 Connection established\r\n\r\n");
        far.write(head);
        near.pipe(far).pipe(near);
      });
      for (const [end, other] of [[near, far], [far, near]] as const) {
        end.on("error", () => {});
        end.on("close", () => other.destroy());
      }
    });
    await new Promise<void>((ready) => this.server.listen(0, "127.0.0.1", ready));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  pull(): void {
    this.isOut = true;
    for (const socket of this.open) socket.destroy();
  }

  plugIn(): void {
    this.isOut = false;
  }

  stop(): void {
    this.pull();
    this.server.close();
  }

  private keep(socket: Socket): void {
    this.open.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => this.open.delete(socket));
  }

  private forward(asked: IncomingMessage, answer: ServerResponse): void {
    const far = request(asked.url!, { method: asked.method, headers: asked.headers, agent: false }, (response) => {
      answer.writeHead(response.statusCode!, response.headers);
      response.pipe(answer);
    });
    far.on("socket", (socket) => this.keep(socket));
    far.on("error", () => answer.destroy());
    asked.pipe(far);
  }
}
