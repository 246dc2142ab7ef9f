// <ChinwagChat> and useChinwag for React, without a build step. A browser is needed only once a component is mounted.

import { createElement, forwardRef, useEffect, useLayoutEffect, useReducer, useRef, useState } from "react";
import { Chinwag } from "./chinwag.js";

const PROPERTIES = ["server", "token", "group", "with", "signIn", "hash", "lang", "theme", "name", "worker"];
const LISTENERS = {
  onUnread: "chinwag-unread",
  onMessage: "chinwag-message",
  onState: "chinwag-state",
  onProblem: "chinwag-problem",
  onSignedOut: "chinwag-signedout",
};
const EVENTS = ["state", "groups", "group", "messages", "unread", "unsent", "typing", "presence", "relations", "profile"];

/** Properties must be set before the element connects. During server-side rendering there is no layout. */
const useLayout = typeof document === "undefined" ? useEffect : useLayoutEffect;

/** Returns a stable function, so that a new `token` function in each render does not reconnect. */
function useToken(token) {
  const latest = useRef(token);
  latest.current = token;
  const [call] = useState(() => () => latest.current());
  return typeof token === "function" ? call : token;
}

export const ChinwagChat = forwardRef(function ChinwagChat({ token, className, ...rest }, ref) {
  const element = useRef(null);
  const given = useRef(rest);
  given.current = rest;
  const properties = { ...rest, token: useToken(token) };
  const applied = useRef({});

  useLayout(() => {
    for (const name of PROPERTIES) {
      if (properties[name] === applied.current[name]) continue;
      element.current[name] = applied.current[name] = properties[name];
    }
  });
  useLayout(() => {
    const node = element.current;
    if (typeof ref === "function") ref(node);
    else if (ref) ref.current = node;
    const stop = new AbortController();
    for (const [name, type] of Object.entries(LISTENERS)) {
      node.addEventListener(type, (event) => given.current[name]?.(event), { signal: stop.signal });
    }
    void import("./element.js");
    return () => {
      stop.abort();
      if (typeof ref === "function") ref(null);
      else if (ref) ref.current = null;
    };
  }, [ref]);

  const others = Object.entries(rest).filter(([name]) => !PROPERTIES.includes(name) && !(name in LISTENERS));
  return createElement("chinwag-chat", { ...Object.fromEntries(others), class: className, ref: element });
});

/** Returns a client that is connected while the component is mounted, or null before that. Each change renders the component. */
export function useChinwag({ token, ...options }) {
  const [client, setClient] = useState(null);
  const [, redraw] = useReducer((count) => count + 1, 0);
  const source = useToken(token);
  useEffect(() => {
    const made = new Chinwag({ ...options, token: source });
    for (const event of EVENTS) made.addEventListener(event, redraw);
    setClient(made);
    // `state` and `problem` have the reason.
    made.connect().catch(redraw);
    return () => {
      for (const event of EVENTS) made.removeEventListener(event, redraw);
      made.close();
      setClient(null);
    };
  }, [String(options.server), source]);
  return client;
}
