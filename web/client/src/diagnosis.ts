/**
 * Finds out why a handshake failed, which browsers do not tell a page: sends the token on a connection that is opened
 * without one, and asks over HTTP whether the server answers at all.
 */
import { callSafely, LonghaulError } from "./error.js";
import type { ConnectionSettings, Environment, Socket } from "./options.js";

/** Calls `onReason` once, unless the returned function is called before. */
export function diagnose(
  { url, WebSocket, timing }: ConnectionSettings,
  subprotocol: string,
  token: string,
  environment: Environment,
  onReason: (reason: LonghaulError) => void,
): () => void {
  let socket: Socket | undefined;
  const stop = () => {
    cancelTimer();
    if (socket) socket.onopen = socket.onmessage = socket.onclose = null;
    callSafely(() => socket?.close());
    isStopped = true;
  };
  let isStopped = false;
  const settle = (code: string, message: string) => {
    if (isStopped) return;
    stop();
    onReason(new LonghaulError(code, message));
  };
  const unreachable = () => settle("UNREACHABLE", `The server at ${url} does not answer.`);
  const cancelTimer = environment.after(timing.dial, unreachable);
  const askOverHttp = () => {
    const page = globalThis.location?.origin;
    const hint = page ? `Mostly the origin ${page} is not on its list of allowed origins.` : "";
    fetch(url.replace(/^ws/, "http"), { mode: "no-cors" }).then(
      () => settle("REFUSED", `The server at ${url} refuses the connection. ${hint}`),
      unreachable,
    );
  };
  try {
    socket = new WebSocket(url, [subprotocol]);
    socket.onopen = () => socket!.send(JSON.stringify({ action: "authenticate", token }));
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(String(data));
      if (frame.type === "error") settle(frame.data?.code ?? "REFUSED", String(frame.content));
      else if (frame.type === "authenticated") settle("REFUSED", `The handshake with ${url} fails though the token is valid. A proxy may drop subprotocols: try tokenIn: "url".`);
    };
    socket.onclose = askOverHttp;
    socket.onerror = () => {};
  } catch {
    askOverHttp();
  }
  return stop;
}
