// Texts in the reader's language: words, plurals, dates, and refusals of the server.

import en, { server as enServer } from "../words/en.js";

/** Languages other than English are loaded on demand. */
const LANGUAGES = { fr: () => import("../words/fr.js") };
const DAY = 24 * 3600_000;

export class Words {
  static english = new Words("en", en, enServer);

  constructor(lang, table, server) {
    this.lang = lang;
    this.table = table;
    this.server = Object.entries(server).map(([said, words]) => [pattern(said), words]);
    // A language tag with a region keeps its format of dates.
    this.plural = new Intl.PluralRules(lang);
    this.clock = new Intl.DateTimeFormat(lang, { hour: "numeric", minute: "2-digit" });
    this.exactClock = new Intl.DateTimeFormat(lang, { timeStyle: "medium" });
    this.whole = new Intl.DateTimeFormat(lang, { dateStyle: "full", timeStyle: "short" });
    this.dayInYear = new Intl.DateTimeFormat(lang, { weekday: "long", day: "numeric", month: "long" });
    this.dayAndYear = new Intl.DateTimeFormat(lang, { day: "numeric", month: "long", year: "numeric" });
    this.short = new Intl.DateTimeFormat(lang, { day: "numeric", month: "short" });
    this.relative = new Intl.RelativeTimeFormat(lang, { numeric: "auto" });
    this.names = new Intl.ListFormat(lang, { type: "conjunction" });
    this.order = new Intl.Collator(lang);
  }

  /** The texts for a language tag such as `fr-CA`; English if there are none. */
  static async for(tag) {
    const load = LANGUAGES[tag.split("-")[0].toLowerCase()];
    if (!load) return Words.english;
    const { default: table, server } = await load();
    return new Words(tag, table, server);
  }

  /** The text of a key, with `values` inserted. `values.count` selects the plural form. */
  say(key, values = {}) {
    const found = this.table[key] ?? en[key] ?? key;
    const text = typeof found === "string" ? found : (found[this.plural.select(values.count)] ?? found.other);
    return text.replace(/\{(\w+)\}/gu, (whole, name) => (name in values ? String(values[name]) : whole));
  }

  /** The server's refusal, or the failure of a request, as a sentence that says what to do. */
  refusal(error) {
    const said = error.errors?.length ? error.errors.map(({ detail }) => detail) : [error.detail ?? error.message];
    const sentences = said.filter(Boolean).map((text) => this.sentence(text));
    return [...new Set(sentences)].join(" ") || this.say("error.refused");
  }

  sentence(text) {
    for (const [said, words] of this.server) {
      const found = said.exec(text);
      let gap = 0;
      if (found) return this.#spelled(words.replace(/\{\}/gu, () => found[++gap] ?? ""));
    }
    return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?…]$/u.test(text) ? "" : ".");
  }

  /** A wait of many seconds is shown in minutes or hours. */
  #spelled(text) {
    return text.replace(/\b(\d+) s\b/gu, (short, digits) => {
      const [unit, seconds] = digits >= 2 * 3600 ? ["hour", 3600] : ["minute", 60];
      const format = new Intl.NumberFormat(this.lang, { style: "unit", unit, unitDisplay: "long" });
      return digits < 120 ? short : format.format(Math.ceil(digits / seconds));
    });
  }

  exactTime(date) {
    return this.exactClock.format(new Date(date));
  }

  time(date) {
    return this.clock.format(new Date(date));
  }

  whenExactly(date) {
    return this.whole.format(new Date(date));
  }

  /** A day in words: today, yesterday, a weekday, a date. */
  day(date, now = Date.now()) {
    const then = new Date(date);
    const ago = Math.round((midnight(now) - midnight(then)) / DAY);
    if (ago === 0 || ago === 1) return capital(this.relative.format(-ago, "day"));
    const format = then.getFullYear() === new Date(now).getFullYear() ? this.dayInYear : this.dayAndYear;
    return capital(format.format(then));
  }

  /** The shortest form of a moment: the time if it is today, else the day. */
  when(date) {
    return midnight(date) === midnight(Date.now()) ? this.time(date) : this.short.format(new Date(date));
  }
}

/** Whether two moments are on one day here. */
export const sameDay = (one, other) => midnight(one) === midnight(other);

const midnight = (date) => new Date(date).setHours(0, 0, 0, 0);
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

function pattern(said) {
  return new RegExp(`^${said.replace(/[.*+?^$()|[\]\\]/gu, "\\$&").replaceAll("{}", "(.+)")}\\.?$`, "iu");
}
