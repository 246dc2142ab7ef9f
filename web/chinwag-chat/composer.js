// The message box: a new message, a reply or an edit, with a draft for each conversation.

import { html, nothing, repeat } from "../vendor/lit.js";
import { FILES_MOST, filesIn, isOfFiles } from "./attached.js";
import { Chat } from "./chat.js";
import "./file.js";
import { gist, isGone } from "./gist.js";
import { clip, cross, fileIcon, send } from "./icons.js";
import { led } from "./led.js";
import { Mentioning } from "./mentioning.js";
import { Part, define } from "./part.js";
import { Suggestions } from "./suggestions.js";
import { openWindows } from "./windows.js";

/** The number of remaining characters is shown below this. */
const FEW_LEFT = 300;
/** The longest description of a picture. */
const ALT_MOST = 1000;
/** The code of a key press that an input method handles. */
const INPUT_METHOD = 229;
const TOPICS = new Set(["open", "key", "group", "groups", "relations", "user", "view", "state", "messages", "unsent"]);

export class Composer extends Part {
  #open = "";
  #reply = null;
  #edit = null;
  #saving = false;
  #counting = 0;
  /** Whether the number of remaining characters was shown, or exceeded. */
  #wasNearEnd = false;
  /** @type {Mentioning} */
  #mentions;
  #suggestions = new Suggestions(this, (name, start) => this.#insert(name, start));

  connectedCallback() {
    super.connectedCallback();
    this.#mentions ??= new Mentioning(this.chat);
  }

  static properties = {
    ...Part.properties,
    /** The thread of this box: `{thread, messages, gone}`; null for the conversation itself. */
    scope: { attribute: false },
  };

  constructor() {
    super();
    this.scope = null;
  }

  /** The id of an element in this box; a thread has another message box. */
  #id(name) {
    return this.scope ? `thread-${name}` : name;
  }

  #key() {
    return `${Chat.key(this.chat.current)}${this.scope ? `/${this.scope.thread}` : ""}`;
  }

  changed({ detail }) {
    const group = this.chat.openGroup;
    // Immediately, so that text typed before the next frame is saved under the new key.
    if (detail.topic === "key" && detail.from === this.#open) this.#open = detail.to;
    // The message that is replied to or edited may be deleted meanwhile.
    const isOfGroup = detail.topic === "messages" && detail.group === group;
    if (isOfGroup && detail.deleted?.includes(this.#about?.id)) this.#dropStale();
    if ((isOfGroup && detail.reset) || (detail.topic === "state" && this.chat.ready)) void this.#check();
    // The display name of a suggestion may have arrived.
    if (detail.topic === "profile" && this.#box && this.getRootNode().activeElement === this.#box) this.#look();
    if (detail.topic === "user") this.#mentions.rename(detail.name, detail.newName);
    if (TOPICS.has(detail.topic)) this.requestUpdate();
  }

  render() {
    const { chat } = this;
    const why = this.#whyNot();
    // The text can still be read and copied.
    const isKept = Boolean(why && (this.scope?.gone || this.#box?.value));
    const label = this.scope ? this.say("thread.compose") : this.say("compose.label");
    const wait = why || this.#edit ? 0 : this.#wait();
    const { role, expanded, controls, active } = this.#suggestions.attributes;
    return html`<form class="compose" part="composer" novalidate @submit=${this.#submit}>
      ${this.#context()}
      <label for=${this.#id("compose-body")} class="unseen">${label}</label>
      ${this.#suggestions.list()}
      ${this.#attached()}
      <div class="box">
        ${this.#clip()}
        <textarea id=${this.#id("compose-body")} rows="1" dir="auto" placeholder=${why ? "" : this.say(this.scope ? "thread.placeholder" : "compose.placeholder")}
          ?disabled=${Boolean(why) && !isKept} ?readonly=${isKept}
          aria-describedby="${this.#id("compose-error")} ${this.#id("compose-why")}" aria-invalid=${this.#room() < 0 ? "true" : nothing} enterkeyhint=${isTouch() ? "enter" : "send"} aria-autocomplete="list" aria-haspopup="listbox"
          role=${role} aria-expanded=${expanded} aria-controls=${controls} aria-activedescendant=${active}
          @input=${this.#typed} @keydown=${this.#press} @keyup=${this.#moved} @click=${this.#look} @blur=${() => this.#suggestions.close()} @paste=${this.#pasted}></textarea>
        <button class="primary send" ?disabled=${Boolean(why) || wait > 0}>${this.#edit ? this.say("save") : html`${send}<span>${this.say("compose.send")}</span>`}</button>
      </div>
      <p class="hint" id=${this.#id("compose-why")}>${isKept && !this.scope?.gone ? html`${why} ${this.say("compose.kept")}` : why || (wait > 0 ? this.say("compose.slow", { time: chat.words.wait(wait) }) : this.#left())}</p>
      <p class="error" id=${this.#id("compose-error")} role="alert">${this.error}</p>
    </form>`;
  }

  #context() {
    if (!this.#edit && !this.#reply) return nothing;
    const about = this.#edit
      ? this.say("compose.editing")
      : led(this.say("compose.replying", { name: this.chat.called(this.#reply.author) }), gist(this.chat.words, this.#reply));
    return html`<div class="context">
      <p class="grow led">${about}</p>
      <button type="button" class="icon compact" aria-label=${this.say("cancel")} @click=${this.#cancel}>${cross}</button>
    </div>`;
  }

  /** The reason why nothing can be written here; empty if it can. */
  #whyNot() {
    return this.scope?.gone ? this.say("thread.gone.text") : this.chat.whyNot();
  }

  #clip() {
    if (!this.mayAttach) return nothing;
    const label = this.say("files.attach");
    return html`<button type="button" class="icon" aria-label=${label} title=${label} @click=${() => this.querySelector("input[type=file]").click()}>${clip}</button>
      <input type="file" multiple hidden tabindex="-1" aria-label=${label} @change=${this.#chosen}>`;
  }

  /** The files of the message that is being written. */
  #attached() {
    const files = this.#edit ? [] : this.chat.attached.of(this.#open);
    if (!files.length) return nothing;
    const row = (file) => html`<li><div class="filecard">
      ${isPicture(file) ? html`<chinwag-preview .file=${file}></chinwag-preview>` : fileIcon}
      <span class="grow"><bdi class="cut" title=${file.name}>${file.name}</bdi><span class="tiny quiet">${this.chat.words.size(file.size)}</span>${isPicture(file) ? this.#alt(file) : nothing}</span>
      <button type="button" class="icon compact" aria-label=${this.say("files.remove", { name: file.name })} @click=${() => this.#detach(file)}>${cross}</button></div></li>`;
    return html`<ul class="attached" aria-label=${this.say("files.toSend")}>${repeat(files, (file) => file, row)}</ul>`;
  }

  /** The box for the description of a picture, for those who cannot see it. */
  #alt(file) {
    const { attached } = this.chat;
    const leave = (event) => {
      if (event.key !== "Enter" || event.isComposing || event.keyCode === INPUT_METHOD) return;
      event.preventDefault();
      this.focusBox();
    };
    return html`<input class="alt" dir="auto" maxlength=${ALT_MOST} placeholder=${this.say("files.alt")} aria-label=${this.say("files.alt.of", { name: file.name })}
      .value=${attached.altOf(file)} @input=${({ target }) => attached.describe(file, target.value)} @keydown=${leave}>`;
  }

  #left() {
    const count = this.#room();
    if (count < 0) return this.say("compose.tooMany", { count: -count });
    return count > FEW_LEFT || count === this.chat.longest ? "" : this.say("compose.left", { count });
  }

  /** The number of remaining characters. */
  #room() {
    return this.chat.longest - length(this.#box?.value ?? "");
  }

  /** The remaining seconds of slow mode. A timer updates them. */
  #wait() {
    const { openGroup: group } = this.chat;
    clearTimeout(this.#counting);
    if (!group?.slow) return 0;
    const until = Math.max(group.slowUntil, ...group.unsent.map(({ retryAt }) => retryAt ?? 0));
    const left = Math.ceil((until - Date.now()) / 1000);
    if (left > 0) this.#counting = setTimeout(() => this.requestUpdate(), 1000);
    return Math.max(0, left);
  }

  /** Whether files may be added to what is being written. */
  get mayAttach() {
    return Boolean(this.chat.offer?.files) && !this.#edit && !this.#whyNot();
  }

  /** Adds files to the message, up to the maximum. */
  attach({ files, folders = [] }) {
    const { chat } = this;
    const { words, attached } = chat;
    const most = chat.offer.files.max_size;
    const fit = files.filter(({ size }) => size <= most);
    const all = [...attached.of(this.#open), ...fit];
    attached.set(this.#open, all.slice(0, FILES_MOST));
    const large = files.filter(({ size }) => size > most).map(({ name }) => this.say("files.large", { name, most: words.size(most) }));
    const refused = [...folders.map((name) => this.say("files.folder", { name })), ...large];
    if (all.length > FILES_MOST) refused.push(this.say("files.most", { most: FILES_MOST }));
    this.error = refused.join(" ");
    this.requestUpdate();
    this.focusBox();
  }

  #detach(file) {
    const { attached } = this.chat;
    attached.set(this.#open, attached.of(this.#open).filter((each) => each !== file));
    this.requestUpdate();
    this.focusBox();
  }

  #chosen({ target }) {
    this.attach({ files: [...target.files] });
    // The same file may be chosen again.
    target.value = "";
  }

  #pasted(event) {
    if (!this.mayAttach || !isOfFiles(event.clipboardData)) return;
    event.preventDefault();
    this.attach(filesIn(event.clipboardData));
  }

  get #box() {
    return this.querySelector("textarea");
  }

  updated() {
    this.#follow();
  }

  focusBox() {
    this.#box?.focus();
  }

  async reply(message) {
    if (!(await this.#mayLeaveEdit())) return;
    this.#reply = message;
    this.#keepContext();
    this.#began();
  }

  async edit(message) {
    if (!(await this.#mayLeaveEdit())) return;
    this.#edit = message;
    this.#reply = null;
    this.#box.value = message.body;
    this.#mentions.adopt(message);
    this.#keep(message.body);
    this.#began();
  }

  /** Puts back the text and the files of a message that was not sent. */
  restore(message) {
    if (this.#edit || this.#box?.value || !this.#box || this.chat.attached.of(this.#open).length) return;
    this.#box.value = message.body;
    const files = (message.attachments ?? []).filter(({ blob }) => blob instanceof File);
    for (const { blob, alt } of files) this.chat.attached.describe(blob, alt);
    this.chat.attached.set(this.#open, files.map(({ blob }) => blob));
    this.#mentions.adopt(message);
    this.#keep(message.body);
    this.#began();
  }

  /** Asks before another action discards the text of an edit. */
  async #mayLeaveEdit() {
    const edit = this.#edit;
    const isChanged = edit && this.#box.value !== edit.body;
    const question = { title: this.say("compose.leaveEdit"), yes: this.say("compose.leaveEdit.do"), danger: true };
    if (isChanged && !(await this.chat.ask(question))) return false;
    if (edit && edit === this.#edit) this.#leaveContext();
    return true;
  }

  /** Cancels a reply, or an edit after a confirmation if text would be lost. */
  #cancel() {
    return this.#edit ? this.#mayLeaveEdit() : this.#leaveContext();
  }

  #began() {
    this.error = "";
    this.requestUpdate();
    this.updateComplete.then(() => {
      this.focusBox();
      const end = this.#box.value.length;
      this.#box.setSelectionRange(end, end);
    });
  }

  async #submit(event) {
    event?.preventDefault();
    const { chat } = this;
    const body = this.#box.value;
    const where = chat.current;
    const key = this.#key();
    const edited = this.#edit;
    const attachments = edited ? [] : chat.attached.toSend(key);
    const hasFiles = (edited?.attachments ?? attachments).length > 0;
    // On a double press, the second one has nothing to send.
    if (this.#saving || (!body && !hasFiles) || this.#whyNot()) return;
    // In slow mode, the text stays until it may be sent.
    if (!edited && this.#wait() > 0) return;
    const done = await this.attempt(() => {
      const [count, most] = [length(body), chat.longest];
      if (!body.trim() && !hasFiles) throw chat.refuse("compose.empty");
      if (count > most) throw chat.refuse("compose.long", { most, count });
      const mentions = this.#mentions.namesIn(body);
      if (edited) return this.#save(edited, body, mentions);
      // The state of the message is shown beside it.
      chat.client.send(where, body, { respondTo: this.#reply?.id ?? null, thread: this.scope?.thread ?? null, mentions, attachments }).sent.catch(() => {});
      this.dispatchEvent(new CustomEvent("sent", { bubbles: true }));
      this.#box.value = "";
      chat.attached.set(key, []);
      this.#mentions.begin();
      return true;
    });
    if (!done || key !== this.#open) return;
    if (!edited) this.#keep(this.#box.value);
    // Text that was typed while an edit was being saved is part of the next one.
    else if (this.#edit?.id === edited.id && this.#box.value !== body) this.#edit = { ...edited, body };
    if (!edited || this.#box.value === body) this.#leaveContext();
    this.focusBox();
  }

  async #save(message, body, mentions) {
    const key = this.#open;
    this.#saving = true;
    this.requestUpdate();
    try {
      await this.chat.client.edit(message.id, body, { mentions });
    } finally {
      this.#saving = false;
    }
    // Another conversation may be open by now.
    if (key !== this.#open) this.chat.drafts?.setContext(key, null);
    return true;
  }

  /** Shows the draft of another conversation after saving the previous one. */
  #follow() {
    const { chat } = this;
    const key = this.#key();
    if (key === this.#open || !this.#box) return;
    this.#open = key;
    this.error = "";
    const { reply = null, edit = null, text, mentions } = chat.drafts?.context(key) ?? {};
    [this.#reply, this.#edit] = [reply, edit];
    this.#box.value = edit ? text : (chat.drafts?.get(key) ?? "");
    this.#suggestions.close();
    if (edit) this.#mentions.adopt(edit, mentions);
    else this.#mentions.begin(chat.drafts?.mentions(key));
    this.requestUpdate();
    void this.#check();
  }

  /** Saves the text: an edit with its message, separately from the draft of a new message. */
  #keep(text) {
    const { drafts } = this.chat;
    const mentions = text ? this.#mentions.chosen : [];
    if (this.#edit) return drafts?.setContext(this.#open, { edit: brief(this.#edit), text, mentions });
    drafts?.set(this.#open, text);
    drafts?.setMentions(this.#open, mentions);
  }

  #keepContext() {
    this.chat.drafts?.setContext(this.#open, this.#reply && { reply: brief(this.#reply) });
  }

  #press(event) {
    if (event.keyCode !== INPUT_METHOD && this.#suggestions.press(event)) return;
    // While an input method is composing, Enter and Escape belong to it; in some browsers also right after.
    const isComposing = event.isComposing || event.keyCode === INPUT_METHOD;
    if (event.key === "Escape" && !isComposing && (this.#edit || this.#reply)) {
      // The same press must not close the question that it opens.
      event.preventDefault();
      event.stopPropagation();
      this.#cancel();
    }
    if (event.key === "ArrowUp" && !isComposing && !this.#box.value && !this.#edit) return this.#editLast(event);
    if (event.key !== "Enter" || event.shiftKey || isComposing || isTouch()) return;
    event.preventDefault();
    this.#submit();
  }

  /** Edits the newest message of this user here. */
  #editLast(event) {
    const { me, openGroup: group } = this.chat;
    const last = group?.role !== "restricts" && (this.scope ?? group)?.messages.findLast((message) => message.author === me && !isGone(message));
    if (!last || !openWindows(this.chat, group, last).includes("edit")) return;
    event.preventDefault();
    this.edit(last);
  }

  #typed() {
    const { client, current } = this.chat;
    const isNearEnd = this.#room() <= FEW_LEFT;
    if (this.error || isNearEnd || this.#wasNearEnd) this.requestUpdate();
    this.#wasNearEnd = isNearEnd;
    this.error = "";
    this.#keep(this.#box.value);
    this.#look();
    if (current?.group && !this.#edit) client.typing(current.group, Boolean(this.#box.value));
  }

  #look() {
    if (!this.#whyNot()) this.#suggestions.look(this.#box, this.#mentions.isDone);
  }

  /** Updates the suggestions after the caret has moved. */
  #moved({ key }) {
    if (["ArrowLeft", "ArrowRight", "Home", "End"].includes(key)) this.#look();
  }

  /** Replaces the typed beginning of a mention. */
  #insert(name, start) {
    const box = this.#box;
    const text = this.#mentions.choose(name);
    const rest = box.value.slice(box.selectionStart);
    box.setRangeText(`${text} `, start, box.selectionStart + Number(rest.startsWith(" ")), "end");
    box.focus();
    this.#typed();
  }

  #leaveContext() {
    const { drafts } = this.chat;
    if (this.#edit) {
      this.#box.value = drafts?.get(this.#open) ?? "";
      this.#mentions.begin(drafts?.mentions(this.#open));
    }
    this.#reply = this.#edit = null;
    drafts?.setContext(this.#open, null);
    this.error = "";
    this.requestUpdate();
  }

  /** The message that is replied to or edited. */
  get #about() {
    return this.#edit ?? this.#reply;
  }

  /** Cancels a reply or edit whose message was deleted without an event for this box. */
  async #check() {
    const { client, openGroup: group, ready } = this.chat;
    const about = this.#about;
    if (!about || !group || !ready || group.message(about.id)) return;
    // Without an answer, the server decides when the message is sent.
    const found = await client.findMessage(group.id, about.id).catch(() => about);
    if (!found && about === this.#about) this.#dropStale();
  }

  /** Cancels the reply or edit of a deleted message. The text stays as a new message. */
  #dropStale() {
    const { value } = this.#box;
    const isEdit = Boolean(this.#edit);
    this.#leaveContext();
    if (isEdit && value) {
      this.#box.value = value;
      this.#keep(value);
    }
    this.error = this.say("compose.stale");
    this.requestUpdate();
  }
}

/** Whether an on-screen keyboard is likely, which has no other key than Enter for a new line. */
const isTouch = () => matchMedia("(pointer: coarse)").matches;

const isPicture = ({ type }) => type.startsWith("image/");

/** The part of a message that is kept with a draft. */
const brief = ({ id, author, body, mentions, attachments }) => ({ id, author, body, mentions, attachments });

/** In characters as the server counts them. */
const length = (text) => [...text].length;

define("chinwag-composer", Composer);
