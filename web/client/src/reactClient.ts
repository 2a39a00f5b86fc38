/** React: the client in the context of the components below, and the state of its connection. */
"use client";
import { createContext, createElement, type ReactNode, useContext, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { connect, type ConnectOptions, type Longhaul } from "./client.js";
import type { StateChange } from "./options.js";
import { readClaims } from "./token.js";

const Context = createContext<Longhaul | null>(null);

/** Either your own client, or the options for one that lives as long as the provider. */
export type LonghaulProviderProps = { children?: ReactNode } & ({ value: Longhaul | null } | ConnectOptions);

/**
 * Makes a client available to its children: `<LonghaulProvider url={url} token={getToken}>`. The connection opens in the
 * browser only, and closes with the provider. `token` may be a new function with each render. Another `url` or `user`
 * makes another client. With `value` it passes on a client of yours.
 */
export function LonghaulProvider({ children, ...props }: LonghaulProviderProps): ReactNode {
  if ("value" in props) return createElement(Context.Provider, { value: props.value }, children);
  const user = props.user ?? (typeof props.token === "string" ? readClaims(props.token).user : undefined);
  return createElement(ClientOwner, { key: `${props.url} ${user}`, options: { ...props, user } }, children);
}

function ClientOwner({ options, children }: { options: ConnectOptions; children?: ReactNode }): ReactNode {
  const token = useRef(options.token);
  useEffect(() => void (token.current = options.token));
  const create = () => {
    const getToken = () => (typeof token.current === "string" ? token.current : token.current());
    return connect({ ...options, token: getToken, lazy: true });
  };
  const [longhaul, setLonghaul] = useState(create);
  const closing = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => {
    clearTimeout(closing.current);
    // A client belongs to one user. The provider continues with one for the next user.
    const replace = () => longhaul.state.error?.code === "USER_CHANGED" && setLonghaul(create);
    const off = longhaul.on("state", replace);
    // The provider was hidden for a while and is shown again.
    if (longhaul.state.state === "closed" && closing.current) setLonghaul(create);
    else longhaul.open();
    return () => {
      off();
      // StrictMode and fast refresh run the effect again at once.
      closing.current = setTimeout(() => longhaul.close());
    };
  }, [longhaul]);
  return createElement(Context.Provider, { value: longhaul }, children);
}

/** The client of the nearest provider. `hook` names the caller in the error. */
export function useClient(hook: string): Longhaul {
  const longhaul = useContext(Context);
  if (!longhaul) throw new Error(`${hook} must be used inside a LonghaulProvider.`);
  return longhaul;
}

/** The client of the nearest provider, if there is one. */
export function useOptionalClient(): Longhaul | null {
  return useContext(Context);
}

/** What the server renders, and the browser at first. */
const INITIAL: StateChange = { state: "connecting", attempt: 0 };

/** The client of the nearest `LonghaulProvider`, and the current state of its connection. */
export function useLonghaul(): { longhaul: Longhaul; connection: StateChange } {
  const longhaul = useClient("useLonghaul");
  const connection = useSyncExternalStore((onChange) => longhaul.on("state", onChange), () => longhaul.state, () => INITIAL);
  return { longhaul, connection };
}
