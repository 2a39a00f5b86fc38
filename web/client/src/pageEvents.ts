/** What the page knows about the network: the events after which a connection may be dead or possible again, and its host. */

/** Calls `onAwake` when the page is shown, focused or online again, and `onOffline` when the network is gone. The returned function stops that. */
export function watchPage(onAwake: () => void, onOffline: () => void): () => void {
  const onShown = () => {
    if (globalThis.document?.visibilityState !== "hidden") onAwake();
  };
  const listeners = { online: onAwake, offline: onOffline, pageshow: onShown, focus: onShown, visibilitychange: onShown };
  const events = Object.entries(listeners);
  for (const [name, listener] of events) globalThis.addEventListener?.(name, listener);
  return () => events.forEach(([name, listener]) => globalThis.removeEventListener?.(name, listener));
}

/** Whether a host is this machine, as in development. */
export function isLocal(host = ""): boolean {
  return /^(localhost|127\.|\[::1)/.test(host);
}
