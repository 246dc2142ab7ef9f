// Typing indicators: of others until they stop or time out, and of this user, sent no more often than the server forwards
// them.

/** A typing user repeats the event well before this time, and the server forwards it once in 3 s. */
const OTHERS_LAST = 8_000;
const AGAIN_AFTER = 3_500;
const STOPS_AFTER = 5_000;

export class Typing {
  /**
   * By group and name.
   * @type {Map<string, number>}
   */
  #others = new Map();
  /**
   * By group: the time of the last event, and the timer of the end.
   * @type {Map<string, { said: number, timer: number }>}
   */
  #mine = new Map();
  #home;

  /**
   * @param {object} home
   * @param {import("./link.js").Link} home.link
   * @param {(group: string) => import("./group.js").Group | undefined} home.group
   * @param {(group: import("./group.js").Group) => void} home.dispatch
   */
  constructor(home) {
    this.#home = home;
  }

  /** @param {string} id @param {string} name @param {boolean} writing */
  receive(id, name, writing) {
    const key = `${id} ${name}`;
    clearTimeout(this.#others.get(key));
    this.#others.delete(key);
    const group = this.#home.group(id);
    if (!group) return;
    if (writing) this.#others.set(key, setTimeout(() => this.receive(id, name, false), OTHERS_LAST));
    const changed = writing ? !group.typists.has(name) : group.typists.has(name);
    if (writing) group.typists.add(name);
    else group.typists.delete(name);
    group.news.typing ||= changed;
    this.#home.dispatch(group);
  }

  /** @param {string} group @param {boolean} writing @param {boolean} [announce] false if a message announces it anyway */
  say(group, writing, announce = true) {
    const before = this.#mine.get(group);
    clearTimeout(before?.timer);
    if (!writing) {
      if (before && this.#mine.delete(group) && announce) this.#home.link.send("typing.stop", { group });
      return;
    }
    const now = performance.now();
    const again = !before || now > before.said + AGAIN_AFTER;
    if (again) this.#home.link.send("typing.start", { group });
    const timer = setTimeout(() => this.say(group, false), STOPS_AFTER);
    this.#mine.set(group, { said: again ? now : before.said, timer });
  }

  /** Clears all indicators, which belong to an earlier connection. */
  forget() {
    for (const timer of this.#others.values()) clearTimeout(timer);
    for (const { timer } of this.#mine.values()) clearTimeout(timer);
    for (const key of this.#others.keys()) {
      const group = this.#home.group(key.slice(0, key.indexOf(" ")));
      if (!group?.typists.size) continue;
      group.typists.clear();
      group.news.typing = true;
      this.#home.dispatch(group);
    }
    this.#others.clear();
    this.#mine.clear();
  }
}
