// Rebuilds a view of the chat from its events alone, as an application does. At the end, the view must equal the chat's
// state. Violations are recorded.
window.violations = [];
window.views = new Map();
window.arrived = new Map();
window.mostHeld = 0;

window.listen = (chat) => {
  const fail = (text) => violations.length < 20 && violations.push(text);
  addEventListener("error", (event) => fail(`error: ${event.message}`));
  addEventListener("unhandledrejection", (event) => fail(`rejection: ${event.reason?.stack ?? event.reason}`));
  const show = (group) => views.set(group.id, new Map(group.messages.map((message) => [message.seq, message])));
  chat.addEventListener("groups", ({ detail }) => {
    for (const group of detail.added) show(group);
    for (const group of detail.removed) views.delete(group.id);
  });
  chat.addEventListener("messages", ({ detail: { group, added, changed, removed, reset } }) => {
    if (reset) show(group);
    const view = views.get(group.id);
    if (!view) return fail("messages of a group that was not announced");
    const held = new Map(group.messages.map((message) => [message.seq, message]));
    for (const seq of removed) if (!view.delete(seq) && !reset) fail(`${seq} removed, and was not there`);
    for (const seq of [...added, ...changed]) {
      if (!held.has(seq)) fail(`${seq} announced, and not held`);
      if (!reset && added.includes(seq) === view.has(seq)) fail(`${seq} ${view.has(seq) ? "added twice" : "changed, and was not there"}`);
      view.set(seq, held.get(seq));
    }
    const ascending = group.messages.every((message, at) => at === 0 || group.messages[at - 1].seq < message.seq);
    if (!ascending) fail(`not in order: ${group.messages.map(({ seq }) => seq)}`);
    mostHeld = Math.max(mostHeld, group.messages.length);
  });
  chat.addEventListener("message", ({ detail: { group, message } }) => {
    const last = arrived.get(group.id)?.at(-1) ?? 0;
    if (message.seq <= last) fail(`${message.seq} arrived after ${last}`);
    arrived.set(group.id, [...(arrived.get(group.id) ?? []), message.seq]);
  });
};

/** Recorded violations, and groups whose view differs from the chat's state. */
window.faults = () => {
  const found = [...violations];
  for (const group of chat.groups.values()) {
    const view = [...(views.get(group.id)?.entries() ?? [])].sort(([a], [b]) => a - b).map(([, message]) => message);
    if (view.length !== group.messages.length || view.some((message, at) => message !== group.messages[at]))
      found.push(`the view of ${group.id} is [${view.map(({ seq }) => seq)}], and held is [${group.messages.map(({ seq }) => seq)}]`);
  }
  return found;
};

window.snapshot = () => ({
  state: chat.state,
  problem: chat.problem?.message,
  unsent: chat.unsentCount,
  faults: faults(),
  groups: [...chat.groups.values()].map(({ id, head, messages, unsent, behind }) => ({ id, head, held: messages.length, unsent: unsent.slice(0, 3), behind: behind?.length })),
});

window.bodies = (id) => chat.groups.get(id).messages.map(({ body }) => body);
