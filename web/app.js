// Puts the page together: who is signed in, the connection, the store, and the views that show it.

import { AccountView } from "./account.js";
import * as api from "./api.js";
import { Composer } from "./composer.js";
import { Connection } from "./connection.js";
import { ConversationsView } from "./conversations.js";
import { ConversationView } from "./conversation.js";
import { $, setText } from "./dom.js";
import { markRead } from "./group.js";
import { MessagesView } from "./messages.js";
import { Outbox } from "./outbox.js";
import { PeopleView } from "./people.js";
import { Store } from "./store.js";
import { inWords } from "./words.js";

const NOTICE_LASTS = 8_000;
const CONNECTION_WORDS = {
  closed: "",
  connecting: "Connecting…",
  ready: "Connected",
  waiting: "Connection lost. Trying again…",
};

/** What the views share. The store and outbox are those of the signed-in user, and new at each sign-in. */
const app = {
  store: null,
  outbox: null,
  connection: new Connection({ onFrame: take, onState: connectionChanged, onDoubt: checkSession }),

  open(where) {
    app.store.current = where;
    conversation.reset();
    showPane("chat");
    render();
    // On a touch screen the box would bring the keyboard up over the messages.
    if (matchMedia("(pointer: fine)").matches) composer.focus();
    else $("conversation-title").focus();
  },

  openWith(name) {
    const group = app.store.privateWith(name);
    app.open(group ? { group: group.id } : { to: name });
  },
};

const account = new AccountView(enter);
const composer = new Composer(app);
const conversation = new ConversationView(app);
const views = [new ConversationsView(app), conversation, new MessagesView(app, composer), composer, new PeopleView(app)];

function enter(name) {
  account.hide();
  app.store = new Store(name);
  app.outbox = new Outbox(app.connection, app.store, scheduleRender);
  $("chat").hidden = false;
  showPane("conversations");
  app.connection.open();
  render();
}

function leave(why) {
  app.connection.close();
  app.store = app.outbox = null;
  composer.clear();
  $("chat").hidden = true;
  document.title = "Chinwag";
  account.show(why);
}

async function checkSession() {
  // A server that is away says nothing about the session.
  const name = await api.whoAmI().catch(() => app.store?.me);
  if (!name && app.store) leave("Your session has ended. Sign in again.");
}

async function signOut() {
  try {
    await api.signOut();
  } catch (error) {
    if (error.status !== 401) return notify(error.message);
  }
  leave();
}

function take(frame) {
  if (!app.store) return;
  const open = app.store.openGroup;
  if (frame.type.startsWith("error.")) notify(inWords(frame.data));
  app.store.apply(frame);
  if (open && !app.store.openGroup) notify(`You are no longer in “${app.store.title(open)}”.`);
  if (frame.type === "user.delete" && frame.data.name === app.store.me) return leave("This user has been deleted.");
  scheduleRender();
}

function connectionChanged(state) {
  setText($("connection"), CONNECTION_WORDS[state]);
  $("connection").dataset.state = state;
  if (state === "ready") app.outbox?.flush();
  scheduleRender();
}

let scheduled = false;

/** Many frames may come at once, after a reconnection above all: they are drawn together. */
function scheduleRender() {
  if (scheduled) return;
  scheduled = true;
  setTimeout(() => {
    scheduled = false;
    render();
  });
}

function render() {
  const { store } = app;
  if (!store) return;
  readWhatIsSeen();
  setText($("me"), `Signed in as ${store.me}`);
  for (const view of views) view.render();
  const unread = [...store.groups.values()].reduce((sum, group) => sum + group.unread, 0);
  document.title = unread ? `(${unread}) Chinwag` : "Chinwag";
}

/** What is on the screen counts as read. */
function readWhatIsSeen() {
  const group = app.store.openGroup;
  const seen = group && !document.hidden && $("conversation").checkVisibility();
  const newest = group?.messages.at(-1);
  if (!seen || !newest || newest.seq <= group.last_read_seq || app.connection.state !== "ready") return;
  markRead(group, newest.seq, app.store.me);
  app.connection.send("message.read", { group: group.id, seq: newest.seq });
}

/** Where there is room for one pane only, or two, this says which one is shown. */
function showPane(pane) {
  $("chat").dataset.pane = pane;
  for (const tab of $("tabs").children) tab.setAttribute("aria-pressed", String(tab.dataset.pane === pane));
}

let noticeTimer = 0;

function notify(text) {
  const notice = $("notice");
  notice.hidden = false;
  notice.textContent = text;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => (notice.hidden = true), NOTICE_LASTS);
}

for (const tab of $("tabs").children) {
  tab.onclick = () => {
    showPane(tab.dataset.pane);
    render();
  };
}
$("sign-out").onclick = signOut;
document.addEventListener("visibilitychange", scheduleRender);
addEventListener("beforeunload", (event) => app.store?.pending.length && event.preventDefault());

api.whoAmI().then(
  (name) => (name ? enter(name) : account.show()),
  (error) => account.show(error.message),
);
