// The mentions in a draft: chosen suggestions, and names typed in its text.

import { EVERYONE, spans, textsOf } from "./mentions.js";
import { mayMentionAll, members } from "./suggestions.js";

export class Mentioning {
  #chat;
  /** Chosen mentions with their texts: `{name, text}`. */
  #chosen = [];
  /** Mentions of an edited message that do not occur in its text; they are kept. */
  #unplaced = [];
  /** Names in the text of an edited message that it does not mention. */
  #ignored = new Set();

  constructor(chat) {
    this.#chat = chat;
  }

  /** The mentions stored with a draft. */
  get chosen() {
    return this.#chosen;
  }

  /** Begins a new message or continues a draft. */
  begin(chosen = []) {
    this.#chosen = [...chosen];
    this.#unplaced = [];
    this.#ignored = new Set();
  }

  /** Begins with the text and the mentions of a message. */
  adopt({ body, mentions = [] }, chosen = []) {
    const { client } = this.#chat;
    const placed = spans(body, mentions.map((name) => ({ name, texts: textsOf(client, name) })));
    const found = new Set(placed.map(({ mention }) => mention));
    this.begin([...placed.map(({ mention, text }) => ({ name: mention, text })), ...chosen]);
    this.#unplaced = mentions.filter((name) => !found.has(name));
    this.#ignored = new Set(spans(body, this.#byHand()).map(({ mention }) => mention).filter((name) => !mentions.includes(name)));
  }

  /** Adds a chosen mention; returns its text, which is the name if the display name is ambiguous. */
  choose(name) {
    const { client } = this.#chat;
    const text = name === EVERYONE ? EVERYONE : `@${client.isAmbiguous(name) ? name : client.nameOf(name)}`;
    this.#ignored.delete(name);
    if (!this.#chosen.some((each) => each.name === name && each.text === text)) this.#chosen = [...this.#chosen, { name, text }];
    return text;
  }

  /** Whether a text begins with a chosen mention that is complete. */
  isDone = (text) => this.#chosen.some((each) => text.startsWith(`${each.text} `));

  /** The names that a message with this text mentions. */
  namesIn(body) {
    const chosen = this.#chosen.map(({ name, text }) => ({ name, texts: [text] }));
    const byHand = this.#byHand().filter(({ name }) => !this.#ignored.has(name));
    const known = new Set(this.#chosen.map(({ text }) => text.toLowerCase()));
    // A chosen text mentions the chosen user, even if others share it.
    const others = byHand.map(({ name, texts }) => ({ name, texts: texts.filter((text) => !known.has(text.toLowerCase())) }));
    const found = spans(body, [...chosen, ...others]).map(({ mention }) => mention);
    return [...new Set([...this.#unplaced, ...found])];
  }

  /** A user was renamed or deleted. */
  rename(from, to) {
    const renamed = (name) => (name === from ? to : name);
    this.#chosen = this.#chosen.map(({ name, text }) => ({ name: renamed(name), text })).filter(({ name }) => name);
    this.#unplaced = this.#unplaced.map(renamed).filter(Boolean);
  }

  /** Mentions that count when typed: complete names, and unambiguous display names. */
  #byHand() {
    const { client } = this.#chat;
    const users = members(this.#chat).map((name) => ({ name, texts: client.isAmbiguous(name) ? [`@${name}`] : textsOf(client, name) }));
    return mayMentionAll(this.#chat.openGroup) ? [...users, { name: EVERYONE, texts: [EVERYONE] }] : users;
  }
}
