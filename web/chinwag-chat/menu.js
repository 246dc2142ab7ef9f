// The menu of a conversation: this user's own settings of it.

import { html, nothing } from "../vendor/lit.js";
import { isSearchable, openSearch } from "./finding.js";
import { define } from "./part.js";
import { Popup } from "./popup.js";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

export class Menu extends Popup {
  static properties = { ...Popup.properties, group: { attribute: false } };

  changed({ detail }) {
    if (detail.topic === "open") this.open = false;
    if (detail.topic === "group") this.requestUpdate();
  }

  render() {
    return this.popup(this.say("menu.label"), () => this.#items());
  }

  #items() {
    const { group } = this;
    const { pinned, notify } = group.settings;
    const until = (time) => ({ mutedUntil: new Date(Date.now() + time).toISOString() });
    const item = (key, act) => this.item(this.say(key), act);
    const set = (key, change) => item(key, () => this.#set(change));
    const { chat } = this;
    return html`${isSearchable(chat) ? item("search.here", () => openSearch(chat, group.id)) : nothing}
      ${set(pinned ? "menu.unpin" : "menu.pin", { pinned: !pinned })}
      ${group.muted
        ? set("menu.unmute", { notify: "all", mutedUntil: null })
        : html`${set("menu.mute.hour", until(HOUR))}${set("menu.mute.day", until(DAY))}${set("menu.mute", { notify: "none" })}`}
      ${group.private || group.muted ? nothing : notify === "mentions" ? set("menu.all", { notify: "all" }) : set("menu.mentions", { notify: "mentions" })}
      ${item("menu.unread", () => this.#leave({ markedUnread: true }))}
      ${item("menu.hide", () => this.#hide())}`;
  }

  #set(change) {
    const { chat, group } = this;
    return chat.attempt(() => chat.client.changeSettings(group.id, change).then(() => true));
  }

  /** Closes the conversation after a change, so that it does not count as read at once. */
  async #leave(change) {
    const { chat, group } = this;
    if (!(await this.#set(change)) || chat.openGroup !== group) return false;
    chat.show({ current: null, pane: "list" });
    this.focusNext(".side .entry");
    return true;
  }

  async #hide() {
    const { chat, group } = this;
    if (await this.#leave({ hidden: true })) chat.notify(this.say("menu.hidden", { name: chat.title(group) }));
  }
}

define("chinwag-menu", Menu);
