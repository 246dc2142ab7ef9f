import type { Chinwag, State } from "./chinwag.js";

/**
 * The properties of `<chinwag-chat>`. All are also attributes (`signIn` is `sign-in`), except `worker` and a function as `token`.
 */
export interface ChatProperties {
  /** The server's address, such as `https://chat.example`. Required with this package. */
  server?: string | undefined;
  /** A user's token, or a function that returns one. It is called again when a token has expired. */
  token?: string | (() => string | Promise<string>) | undefined;
  /** Shows only the group with this id. */
  group?: string | undefined;
  /** Shows only the conversation with the person of this name. */
  with?: string | undefined;
  /** Shows a form to sign in and sign up if nobody is signed in. */
  signIn?: boolean | undefined;
  /** Keeps the open conversation in the fragment of the page's address: `#<group>/<number>`. */
  hash?: boolean | undefined;
  /** `en` or `fr`, optionally with a region: `fr-CA`. Default: the `lang` of the page, or else the browser's language. */
  lang?: string | undefined;
  /** Default: `auto`, the setting of the reader's system. */
  theme?: "light" | "dark" | "auto" | undefined;
  /** The name next to the logo. Default: `Chinwag`. */
  name?: string | undefined;
  /** The registration of a service worker that shows pushed notifications. */
  worker?: ServiceWorkerRegistration | null | undefined;
}

/** The `detail` of the element's events. */
export interface ChatEvents {
  /** The number of unread messages has changed. */
  "chinwag-unread": { count: number };
  /** A message from another user has arrived. */
  "chinwag-message": { group: string; title: string; author: string; body: string };
  /** The connection has changed. */
  "chinwag-state": { state: State };
  /** Your page is configured incorrectly: its origin is not in `http.origins`, or the token or its function has failed. */
  "chinwag-problem": { kind: "origin" | "token"; detail: string };
  /** There is no valid token any more. `reason` is `ended`, `signed out` or `deleted`. */
  "chinwag-signedout": { reason: string };
}

/** The complete chat as one element. It is defined shortly after the import; its properties can be set before that. */
export interface ChinwagChat extends HTMLElement, ChatProperties {
  lang: string;
  /** The number of unread messages. */
  readonly unread: number;
  /** The client; null while the element is not in a document. */
  readonly client: Chinwag | null;
  /** Opens the conversation with a user, or a group by its id, as soon as the element is connected to the server. */
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
