// The list of conversations, and the forms that begin one.

import { $, el, fillList, namesIn, onSubmit } from "./dom.js";
import { isPrivate } from "./group.js";
import { presenceDot, presenceWord } from "./presence.js";
import { Refusal } from "./words.js";

export class ConversationsView {
  constructor(app) {
    this.app = app;
    onSubmit($("start-form"), $("start-error"), () => this.#start());
    onSubmit($("create-form"), $("create-error"), () => this.#create());
  }

  render() {
    const { store } = this.app;
    const models = store.conversations.map((group) => describe(store, group));
    models.unshift(...drafts(store));
    fillList($("conversation-list"), models, (model) => this.#entry(model));
    $("conversation-none").hidden = models.length > 0;
  }

  #start() {
    const name = $("start-name").value.trim();
    if (!name) return;
    if (name === this.app.store.me) throw new Refusal("That is your own name. Who else is here?");
    this.app.openWith(name);
    $("start-form").reset();
  }

  async #create() {
    const name = $("create-name").value.trim();
    const members = namesIn($("create-people").value);
    const { data } = await this.app.connection.request("group.create", { name, admins: [], members, restricts: [] });
    $("create-form").reset();
    $("create").open = false;
    this.app.open({ group: data.id });
  }

  #entry({ key, title, about, preview, unread, presence, current, begun = true }) {
    const onclick = () => (begun ? this.app.open({ group: key }) : this.app.openWith(title));
    const button = el(
      "button",
      {
        type: "button",
        // The name stays the title alone: what changes with every message is the description.
        "aria-label": title,
        "aria-describedby": `about-${key}`,
        "aria-current": current && "true",
        onclick,
      },
      el("span", { class: "title" }, presenceDot(presence), el("bdi", {}, title)),
      unread && el("span", { class: "badge", "aria-hidden": "true" }, unread),
      el("span", { class: "preview quiet" }, preview),
    );
    return [button, el("span", { class: "unseen", id: `about-${key}` }, about ?? "")];
  }
}

function describe(store, group) {
  const other = isPrivate(group) ? store.other(group) : null;
  const presence = other && store.presenceOf(other);
  const unread = group.unread >= 100 ? "99+" : group.unread > 0 && String(group.unread);
  const last = group.messages.at(-1);
  const author = last && (last.author === store.me ? "You: " : other ? "" : `${last.author}: `);
  const about = [presenceWord(presence), unread && `${unread} unread`].filter(Boolean).join(", ");
  return {
    key: group.id,
    title: store.title(group),
    about,
    preview: last ? author + last.body.slice(0, 100) : "No messages yet",
    unread,
    presence,
    current: store.openGroup === group,
  };
}

/** Conversations without a group yet: the open one, and those whose first message is on its way or was refused. */
function drafts(store) {
  const open = store.current?.to;
  const names = new Set([open, ...store.pending.map(({ to }) => to)].filter(Boolean));
  return [...names].map((title, index) => ({
    key: `draft-${index}`,
    title,
    preview: "Not begun yet",
    current: title === open,
    begun: false,
  }));
}
