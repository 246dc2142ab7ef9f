import type { Chinwag, State } from "./chinwag.js";

/**
 * The properties of `<chinwag-chat>`. Each but `worker`, and `token` as a function, is also an attribute (`signIn` is
 * `sign-in`).
 */
export interface ChatProperties {
  /** The server's address, such as `https://chat.example`. */
  server?: string | undefined;
  /** A user's token, or a function that returns one and is called again when a token has expired. */
  token?: string | (() => string | Promise<string>) | undefined;
  /** Shows only the group with this id. */
  group?: string | undefined;
  /** Shows only the conversation with the person of this name. */
  with?: string | undefined;
  /** Shows the form to sign in and sign up if nobody is signed in. */
  signIn?: boolean | undefined;
  /** Keeps the open conversation in the fragment of the page's address. */
  hash?: boolean | undefined;
  /** `en` or `fr`, optionally with a region. */
  lang?: string | undefined;
  theme?: "light" | "dark" | "auto" | undefined;
  /** The name beside the logo. */
  name?: string | undefined;
  /** The registration of a service worker that shows what the server pushes. */
  worker?: ServiceWorkerRegistration | null | undefined;
}

/** What the element's events carry as their `detail`. */
export interface ChatEvents {
  /** The number of unread messages has changed. */
  "chinwag-unread": { count: number };
  /** A message of somebody else has arrived. */
  "chinwag-message": { group: string; title: string; author: string; body: string };
  /** The connection has changed. */
  "chinwag-state": { state: State };
  /** The set-up of the page is wrong. */
  "chinwag-problem": { kind: "origin" | "token"; detail: string };
  /** There is no valid token any more. */
  "chinwag-signedout": { reason: string };
}

/** The whole chat as one element. It is defined a moment after the import: its properties may be set before. */
export interface ChinwagChat extends HTMLElement, ChatProperties {
  lang: string;
  /** The number of unread messages. */
  readonly unread: number;
  /** The client module's object; null while there is none. */
  readonly client: Chinwag | null;
  /** Opens a conversation, with a person or of a group by its id. */
  open(where: { to: string } | { group: string }): void;

  addEventListener<K extends keyof ChatEvents>(
    type: K,
    listener: (this: ChinwagChat, event: CustomEvent<ChatEvents[K]>) => unknown,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | AddEventListenerOptions): void;
  removeEventListener<K extends keyof ChatEvents>(
    type: K,
    listener: (this: ChinwagChat, event: CustomEvent<ChatEvents[K]>) => unknown,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | EventListenerOptions): void;
}

declare global {
  interface HTMLElementTagNameMap {
    "chinwag-chat": ChinwagChat;
  }
}
