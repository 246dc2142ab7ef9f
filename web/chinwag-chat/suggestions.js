// Suggestions for mentions: the possible users, and their list above the message box (a WAI-ARIA listbox).

import { html, nothing } from "../vendor/lit.js";
import { face } from "./face.js";
import { EVERYONE, typed } from "./mentions.js";
import { fold } from "./text.js";

const SHOWN = 8;
/** The maximum number of members to consider. */
const MEMBERS_MOST = 1_000;

/** The members of the open conversation but this user. */
export function members({ client, current, openGroup: group, me }) {
  if (!group) return current?.to && current.to !== me ? [current.to] : [];
  const listed = [...group.owner, ...group.admins, ...group.members, ...group.restricts];
  // The members of a large group may be unknown; its authors are mostly members.
  const authors = listed.length < group.membersCount ? group.messages.map(({ author }) => author).reverse() : [];
  const names = new Set([...listed, ...authors].filter((name) => name && name !== me));
  if (group.private) return [...names].filter((name) => name === group.other);
  return [...names].slice(0, MEMBERS_MOST).filter((name) => !client.relations.blockeds.has(name));
}

/** Whether this user may mention everyone. */
export const mayMentionAll = (group) => Boolean(group) && !group.private && ["owner", "admins"].includes(group.role);

export class Suggestions {
  #part;
  #choose;
  #found = [];
  #active = 0;
  #start = -1;
  /** The position of a mention whose list was dismissed. */
  #closed = -1;

  /** @param part the part that renders the list @param choose takes a name and the start and end of the mention */
  constructor(part, choose) {
    this.#part = part;
    this.#choose = choose;
  }

  get isOpen() {
    return this.#found.length > 0;
  }

  /** Updates the list from the text before the caret. `isDone` says whether a mention is complete. */
  look(box, isDone = () => false) {
    const before = box.value.slice(0, box.selectionStart);
    const mention = box.selectionStart === box.selectionEnd ? typed(before) : null;
    if (mention?.start !== this.#closed) this.#closed = -1;
    const isWanted = mention && mention.start !== this.#closed && !isDone(before.slice(mention.start));
    const found = isWanted ? this.#matching(mention.query) : [];
    if (!found.length && !this.isOpen) return;
    const chosen = this.#found[this.#active];
    this.#found = found;
    this.#start = mention?.start ?? -1;
    this.#active = Math.max(0, found.indexOf(chosen));
    this.#part.requestUpdate();
  }

  close() {
    if (!this.isOpen) return;
    this.#found = [];
    this.#part.requestUpdate();
  }

  /** Handles a key press meant for the list. */
  press(event) {
    if (!this.isOpen || event.isComposing) return false;
    const count = this.#found.length;
    const step = { ArrowDown: 1, ArrowUp: count - 1 }[event.key];
    if (step) this.#active = (this.#active + step) % count;
    else if (event.key === "Escape") this.#refuse();
    else if ((event.key === "Enter" || event.key === "Tab") && !event.shiftKey) this.#take(this.#active);
    else return false;
    event.preventDefault();
    event.stopPropagation();
    this.#part.requestUpdate();
    if (step) this.#showActive();
    return true;
  }

  /** Scrolls the list to the active option without scrolling the host page. */
  async #showActive() {
    await this.#part.updateComplete;
    const list = this.#part.querySelector(".suggestions");
    const active = list?.querySelector('[aria-selected="true"]');
    if (!active) return;
    const { offsetTop: top, offsetHeight: height } = active;
    list.scrollTop = Math.min(top, Math.max(list.scrollTop, top + height - list.clientHeight));
  }

  /** Closes the list for as long as the same mention is typed. */
  #refuse() {
    this.#closed = this.#start;
    this.close();
  }

  /**
   * The attributes of the box that connect it to the list for screen readers. While the list is open the box is a combobox, as in
   * the ARIA Authoring Practices. Otherwise it is a multi-line text box, which a combobox must not be.
   */
  get attributes() {
    if (!this.isOpen) return { role: nothing, expanded: nothing, controls: nothing, active: nothing };
    return { role: "combobox", expanded: "true", controls: this.#id("compose-mentions"), active: this.#id(`compose-mention-${this.#active}`) };
  }

  /** The id of an element here; a thread has its own message box. */
  #id(name) {
    return this.#part.scope ? `thread-${name}` : name;
  }

  list() {
    if (!this.isOpen) return nothing;
    const keepFocus = (event) => event.preventDefault();
    return html`<ul class="suggestions" id=${this.#id("compose-mentions")} role="listbox" aria-label=${this.#part.say("mentions.label")} @pointerdown=${keepFocus}>
        ${this.#found.map((name, index) => this.#option(name, index))}
      </ul>
      <p class="unseen" role="status">${this.#part.say("mentions.count", { count: this.#found.length })}</p>`;
  }

  #option(name, index) {
    const { client } = this.#part.chat;
    const isActive = index === this.#active;
    const everyone = name === EVERYONE;
    const shown = everyone ? this.#part.say("mentions.everyone") : client.nameOf(name);
    const look = everyone ? { group: true, little: true } : { profile: client.profileOf(name), little: true };
    return html`<li role="option" id=${this.#id(`compose-mention-${index}`)} class="suggestion" aria-selected=${String(isActive)} @click=${() => this.#take(index)}>
      ${face(everyone ? "@" : name, look)}<bdi class="cut">${shown}</bdi>${shown === name ? nothing : html`<bdi class="quiet small cut">${name}</bdi>`}</li>`;
  }

  #take(index) {
    const name = this.#found[index];
    const start = this.#start;
    this.close();
    this.#choose(name, start);
  }

  /** Users whose name or display name has this prefix, then those with a word in the display name that has it. */
  #matching(query) {
    const { chat } = this.#part;
    const { client } = chat;
    const wanted = fold(query);
    const rank = (name) => {
      const shown = fold(client.nameOf(name));
      if (shown.startsWith(wanted) || fold(name).startsWith(wanted)) return 0;
      return wanted && shown.split(/\s+/u).some((word) => word.startsWith(wanted)) ? 1 : 2;
    };
    const ranked = members(chat).map((name) => ({ name, shown: client.nameOf(name), rank: rank(name) })).filter((each) => each.rank < 2);
    ranked.sort((a, b) => a.rank - b.rank || a.shown.localeCompare(b.shown) || a.name.localeCompare(b.name));
    const found = ranked.slice(0, SHOWN).map(({ name }) => name);
    const texts = ["all", fold(this.#part.say("mentions.everyone"))];
    if (mayMentionAll(chat.openGroup) && texts.some((text) => text.startsWith(wanted))) found.push(EVERYONE);
    return found;
  }
}
