// Texts in the reader's language: words, plurals, dates, and refusals of the server.

import { wellFormed } from "./tag.js";
import en from "../words/en.js";
import enServer from "../words/server.en.js";
import frServer from "../words/server.fr.js";

/** The texts of languages other than English are loaded on demand. The server's sentences are few. */
const LANGUAGES = {
  fr: {
    load: () => import("../words/fr.js"),
    search: () => import("../words/search.fr.js"),
    server: frServer,
  },
};
const ENGLISH_SEARCH = () => import("../words/search.en.js");
/** Letters of right-to-left scripts, and the characters that set a direction. */
const TURNS = /[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;
/** A date in a text of the server. */
const DATE = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/u;
const DAY = 24 * 3600_000;

/** Of a number of bytes, each a thousand times the one before. */
const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte"];
/** The formats of a language and a locale. */
const FORMATS = {
  plural: (lang) => new Intl.PluralRules(lang),
  clock: (_, locale) => new Intl.DateTimeFormat(locale, { timeStyle: "short" }),
  exactClock: (_, locale) => new Intl.DateTimeFormat(locale, { timeStyle: "medium" }),
  whole: (_, locale) => new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "short" }),
  dayInYear: (_, locale) => new Intl.DateTimeFormat(locale, { weekday: "long", day: "numeric", month: "long" }),
  dayAndYear: (_, locale) => new Intl.DateTimeFormat(locale, { day: "numeric", month: "long", year: "numeric" }),
  short: (_, locale) => new Intl.DateTimeFormat(locale, { day: "numeric", month: "short" }),
  relative: (lang) => new Intl.RelativeTimeFormat(lang, { numeric: "auto" }),
  names: (lang) => new Intl.ListFormat(lang, { type: "conjunction" }),
  order: (_, locale) => new Intl.Collator(locale),
};

export class Words {
  static english = new Words("en", en, enServer);

  /** @param locale the reader's, for dates and times */
  constructor(lang, table, server, locale = lang) {
    this.lang = lang;
    this.table = table;
    lazily(this, "server", () => Object.entries(server).map(([said, words]) => [pattern(said), words]));
    for (const [name, make] of Object.entries(FORMATS)) lazily(this, name, () => make(lang, locale));
  }

  /** The texts for a language tag such as `fr-CA`, English if there are none; dates and times as in `locale`. */
  static async for(tag, locale = tag) {
    const [lang, place] = [tag, locale].map(wellFormed);
    const language = lang.split("-")[0].toLowerCase();
    const known = LANGUAGES[language];
    if (!known) return new Words(language === "en" ? lang : "en", en, enServer, place);
    const { default: table } = await known.load();
    return new Words(lang, table, known.server, place);
  }

  /** Loads the texts of the search. */
  async loadSearch() {
    const { search = ENGLISH_SEARCH } = LANGUAGES[this.lang.split("-")[0].toLowerCase()] ?? {};
    Object.assign(this.table, (await search()).default);
  }

  /** The text of a key, with `values` inserted. `values.count` selects the plural form. */
  say(key, values = {}) {
    const found = this.table[key] ?? en[key] ?? key;
    const text = typeof found === "string" ? found : (found[this.plural.select(values.count)] ?? found.other);
    return text.replace(/\{(\w+)\}/gu, (whole, name) => (name in values ? isolated(String(values[name])) : whole));
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
      if (found) return this.#spelled(words.replace(/\{\}/gu, () => this.#value(found[++gap] ?? "")));
    }
    return isolated(text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?…]$/u.test(text) ? "" : "."));
  }

  #value(text) {
    return isolated(DATE.test(text) ? this.whenExactly(text) : text);
  }

  /** A wait of many seconds is shown in minutes or hours. */
  #spelled(text) {
    return text.replace(/\b(\d+) s\b/gu, (short, digits) => {
      const [unit, seconds] = digits >= 2 * 3600 ? ["hour", 3600] : ["minute", 60];
      const format = new Intl.NumberFormat(this.lang, { style: "unit", unit, unitDisplay: "long" });
      return digits < 120 ? short : format.format(Math.ceil(digits / seconds));
    });
  }

  /** A wait in seconds, as a clock shows it. */
  wait(seconds) {
    const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
    if (hours) return `${hours}:${two(minutes)}:${two(rest)}`;
    return minutes ? `${minutes}:${two(rest)}` : `${rest} s`;
  }

  /** A number of bytes, in the unit that suits it. */
  size(bytes) {
    const step = Math.min(UNITS.length - 1, bytes < 1000 ? 0 : Math.floor(Math.log10(bytes) / 3));
    const value = bytes / 1000 ** step;
    return new Intl.NumberFormat(this.lang, { style: "unit", unit: UNITS[step], unitDisplay: step ? "short" : "long", maximumFractionDigits: value < 10 && step ? 1 : 0 }).format(value);
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

  /** The same with the year, if it is another one. */
  whenLong(date) {
    const then = new Date(date);
    return then.getFullYear() === new Date().getFullYear() ? this.when(date) : this.dayAndYear.format(then);
  }
}

/** A text that may run from right to left, or turns the text around it, does so by itself only. */
function isolated(text) {
  return TURNS.test(text) ? `\u2068${text.replace(/[\u2066-\u2069]/gu, "")}\u2069` : text;
}

/** Whether two moments are on one day here. */
export const sameDay = (one, other) => midnight(one) === midnight(other);

const midnight = (date) => new Date(date).setHours(0, 0, 0, 0);
const two = (number) => String(number).padStart(2, "0");
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

function pattern(said) {
  return new RegExp(`^${said.replace(/[.*+?^$()|[\]\\]/gu, "\\$&").replaceAll("{}", "(.+?)")}\\.?$`, "iu");
}

/** A property that is made when it is first read: a browser takes milliseconds for each format. */
function lazily(owner, name, make) {
  const get = () => {
    const value = make();
    Object.defineProperty(owner, name, { value });
    return value;
  };
  Object.defineProperty(owner, name, { get, configurable: true });
}
