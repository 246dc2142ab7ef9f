// Texts for screen readers: messages in other conversations, and a lost connection, each once.

import { isWanted } from "./notifications.js";

/** Messages of one moment are one announcement. */
const PAUSE = 1_200;
/** An announcement stays for this time in ms. Then it is removed, because it contains names. */
const LASTS = 8_000;

export class Announcer {
  #key = "";
  #values = {};
  #chat;
  #show;
  #names = new Set();
  #timer = 0;
  #ending = 0;
  #isLost = false;

  /** @param chat the chat @param {() => void} show renders the text */
  constructor(chat, show) {
    this.#chat = chat;
    this.#show = show;
    const { signal } = chat.listening;
    chat.client.addEventListener("message", ({ detail }) => this.#came(detail), { signal });
    chat.client.addEventListener("state", ({ detail }) => this.#state(detail.state), { signal });
  }

  #came({ group, message }) {
    const chat = this.#chat;
    // The open conversation reads its messages out itself, and an element of one conversation says nothing of others.
    if (group === chat.openGroup || chat.alone || !isWanted(chat, group, message)) return;
    this.#names.add(chat.title(group));
    this.#timer ||= setTimeout(() => {
      const names = [...this.#names];
      this.#names.clear();
      this.#timer = 0;
      this.#say("announce.message", { names: chat.words.names.format(names) });
    }, PAUSE);
  }

  #state(state) {
    if (state === "waiting" && !this.#isLost) {
      this.#isLost = true;
      this.#say("announce.lost");
    } else if (state === "ready" && this.#isLost) {
      this.#isLost = false;
      this.#say("announce.back");
    } else if (state === "closed") {
      // The sign-in form follows, which needs no connection.
      this.#isLost = false;
      this.#names.clear();
      clearTimeout(this.#timer);
      this.#timer = 0;
      this.#say("");
    }
  }

  get text() {
    return this.#key && this.#chat.words.say(this.#key, this.#values);
  }

  #say(key, values = {}) {
    [this.#key, this.#values] = [key, values];
    clearTimeout(this.#ending);
    if (key) this.#ending = setTimeout(() => this.#say(""), LASTS);
    this.#show();
  }
}
