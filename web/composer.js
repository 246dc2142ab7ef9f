// The message box: a new message, a reply or an edit, and a draft kept for each conversation.

import { $, onSubmit, setText } from "./dom.js";
import { isPrivate, roleOf } from "./group.js";
import { shorten } from "./messages.js";
import { Refusal } from "./words.js";

const LONGEST = 4096;
const TYPING_EVERY = 4_000;

export class Composer {
  #drafts = new Map();
  #open = null;
  #reply = null;
  #edit = null;
  #typedAt = 0;

  constructor(app) {
    this.app = app;
    this.box = $("compose-body");
    onSubmit($("compose"), $("compose-error"), () => this.#submit());
    this.box.addEventListener("input", () => this.#typing());
    this.box.addEventListener("keydown", (event) => this.#press(event));
    $("compose-cancel").onclick = () => this.#leaveContext();
  }

  render() {
    const { store } = this.app;
    this.#follow(store.current);
    const why = store.openGroup ? whyNot(store, store.openGroup) : "";
    this.box.disabled = $("compose-send").disabled = Boolean(why);
    setText($("compose-why"), why);
  }

  focus() {
    this.box.focus();
  }

  reply(message) {
    this.#leaveContext();
    this.#reply = message;
    this.#showContext(`Replying to ${message.author}: ${shorten(message.body)}`, "Send");
  }

  edit(message) {
    this.#leaveContext();
    this.#edit = message;
    this.#drafts.set("before editing", this.box.value);
    this.box.value = message.body;
    this.#showContext("Editing your message", "Save");
  }

  /** Forgets all drafts: the next one to sign in here may be someone else. */
  clear() {
    this.#leaveContext();
    this.#drafts.clear();
    this.#open = null;
    this.box.value = "";
  }

  async #submit() {
    const body = this.box.value;
    const length = [...body].length;
    if (!body.trim()) throw new Refusal("Write something first.");
    if (length > LONGEST) throw new Refusal(`A message holds at most ${LONGEST} characters; this one has ${length}.`);
    if (this.#edit) await this.app.connection.request("message.update", { id: this.#edit.id, body });
    else this.app.outbox.add(this.app.store.current, body, this.#reply?.id);
    if (!this.#edit) this.box.value = "";
    this.#leaveContext();
    this.focus();
  }

  /** Another conversation was opened: its draft comes, the other's is kept. */
  #follow(current) {
    if (current === this.#open) return;
    this.#leaveContext();
    this.#drafts.set(JSON.stringify(this.#open), this.box.value);
    this.#open = current;
    this.#typedAt = 0;
    this.box.value = this.#drafts.get(JSON.stringify(current)) ?? "";
    $("compose-error").textContent = "";
  }

  #press(event) {
    if (event.key === "Escape") this.#leaveContext();
    // While an input method is composing, Enter chooses a candidate.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    $("compose").requestSubmit();
  }

  #typing() {
    const { connection, store } = this.app;
    $("compose-error").textContent = "";
    const group = store.current?.group;
    if (!group || this.#edit || Date.now() - this.#typedAt < TYPING_EVERY) return;
    this.#typedAt = Date.now();
    connection.send("typing.start", { group });
  }

  #showContext(text, verb) {
    $("compose-about").textContent = text;
    $("compose-context").hidden = false;
    $("compose-send").textContent = verb;
    this.focus();
  }

  #leaveContext() {
    if (this.#edit) this.box.value = this.#drafts.get("before editing") ?? "";
    this.#reply = this.#edit = null;
    $("compose-context").hidden = true;
    $("compose-send").textContent = "Send";
  }
}

/** Why one cannot write in a group; empty when one can. */
function whyNot(store, group) {
  if (isPrivate(group) && !store.other(group)) return "This user is no longer here.";
  if (roleOf(group, store.me) !== "restricts") return "";
  if (!isPrivate(group)) return "You may read this group but not write in it.";
  const mine = store.relations.blockeds.has(store.other(group));
  return mine ? "You have blocked this person. Unblock to write." : "You cannot write to this person now.";
}
