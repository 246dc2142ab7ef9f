// The filters of a search: their fields, and the active ones, each with a button that removes it.

import { html, nothing } from "../vendor/lit.js";
import { cross } from "./icons.js";

/** The maximum number of suggested conversations and people. */
const CHOICES = 200;
/** The number of conversations whose members are suggested. */
const LOOKED_AT = 20;
const KINDS = ["", "file", "image", "link"];

/** The fields. `part` is the search. */
export function filters(part) {
  const { chat, finder } = part;
  const { author, group, after, before, has, mentions } = finder.filters;
  const groups = conversations(chat, group);
  const people = known(chat, finder);
  const choice = (value, text, chosen) => html`<option value=${value} ?selected=${value === chosen}>${text}</option>`;
  const set = (name) => ({ target }) => finder.filter({ [name]: target.value });
  return html`<div class="filters">
    <label for="finder-author">${part.say("search.author")}</label>
    <input id="finder-author" list="finder-people" autocomplete="off" autocapitalize="none" spellcheck="false" maxlength="256" dir="auto" .value=${author} @change=${(event) => finder.filter({ author: nameOf(chat, people, event.target.value) })}>
    <datalist id="finder-people">${people.map((name) => html`<option value=${name}>${chat.client.nameOf(name)}</option>`)}</datalist>
    ${chat.alone
      ? nothing
      : html`<label for="finder-group">${part.say("search.group")}</label>
        <select id="finder-group" @change=${set("group")}>${choice("", part.say("search.anywhere"), group)}${groups.map((each) => choice(each.id, chat.title(each), group))}</select>`}
    <label for="finder-after">${part.say("search.after")}</label>
    <input id="finder-after" type="date" .value=${after} max=${before || nothing} @change=${set("after")}>
    <label for="finder-before">${part.say("search.before")}</label>
    <input id="finder-before" type="date" .value=${before} min=${after || nothing} @change=${set("before")}>
    <label for="finder-has">${part.say("search.has")}</label>
    <select id="finder-has" @change=${set("has")}>${KINDS.map((kind) => choice(kind, part.say(kind ? `search.has.${kind}` : "search.anything"), has))}</select>
    <label class="check"><input type="checkbox" .checked=${mentions === "me"} @change=${({ target }) => finder.filter({ mentions: target.checked ? "me" : "" })}>${part.say("search.mentions")}</label>
  </div>`;
}

/** The active filters. */
export function chips(part) {
  const { chat, finder } = part;
  const { author, group, after, before, has, mentions } = finder.filters;
  const day = (text) => chat.words.short.format(new Date(`${text}T12:00`));
  const shown = [
    group && !chat.alone && ["group", part.say("search.chip.group", { name: titleOf(chat, group) })],
    author && ["author", part.say("search.chip.author", { name: chat.called(author) })],
    after && ["after", part.say("search.chip.after", { day: day(after) })],
    before && ["before", part.say("search.chip.before", { day: day(before) })],
    has && ["has", part.say(`search.has.${has}`)],
    mentions && ["mentions", part.say("search.mentions")],
  ].filter(Boolean);
  const remove = (name) => () => {
    finder.filter({ [name]: "" });
    part.querySelector("#finder-text").focus();
  };
  return shown.map(([name, text]) => html`<button class="compact chip" aria-label=${part.say("search.chip.remove", { filter: text })} title=${text} @click=${remove(name)}><span class="cut">${text}</span>${cross}</button>`);
}

const titleOf = (chat, id) => {
  const group = chat.client.groups.get(id);
  return group ? chat.title(group) : "";
};

/** The conversations with the latest activity, and the chosen one. */
function conversations({ client }, chosen) {
  const latest = client.conversations.slice(0, CHOICES);
  const group = client.groups.get(chosen);
  return group ? [group, ...latest.filter((each) => each !== group)] : latest;
}

/** Suggested users: authors of the results, members of the latest conversations, and contacts. */
function known(chat, { found, filters: { group } }) {
  const { client, me } = chat;
  const authors = (found?.messages ?? []).map(({ author }) => author);
  const members = conversations(chat, group).slice(0, LOOKED_AT).flatMap((each) => [...each.owner, ...each.admins, ...each.members, ...each.restricts]);
  return [...new Set([me, ...authors, ...client.relations.contacts, ...members])].filter(Boolean).slice(0, CHOICES);
}

/** The name of a user, whose display name may have been typed. */
function nameOf({ client }, people, typed) {
  const text = typed.trim();
  return people.find((name) => client.sameName(name, text) || client.nameOf(name) === text) ?? text;
}
