// Live metrics of this node with charts of the last minutes.

import { html, nothing, svg } from "../vendor/lit.js";
import { Part } from "./part.js";
import { number, say, size } from "./words.js";

const EVERY = 2_000;
/** The number of displayed samples: five minutes. */
const KEPT = 150;
const [WIDTH, HEIGHT] = [240, 56];

/** The displayed values: the sum of a metric over its labels, or the rate of that per second. */
const FIGURES = [
  { key: "users", metric: "chinwag_users_connected" },
  { key: "sockets", metric: "chinwag_sockets" },
  { key: "events", metric: "chinwag_events_total", rate: true },
  { key: "deliveries", metric: "chinwag_deliveries_total", rate: true },
  { key: "requests", metric: "chinwag_http_requests_total", rate: true },
  { key: "queued", metric: "chinwag_frames_queued" },
  { key: "files", metric: "chinwag_files_stored_bytes", show: size },
  { key: "memory", metric: "process_resident_memory_bytes", show: size },
];

export class Overview extends Part {
  server = null;
  samples = [];
  refused = false;
  /** Whether the latest poll failed. */
  failed = false;
  #isEnded = false;
  #timer = 0;

  async begin() {
    try {
      this.server ??= await this.api.call("GET", "server/");
      await this.#sample();
      this.failed = false;
    } catch {
      this.failed = true;
    }
    // Another section may have been opened meanwhile.
    if (this.#isEnded) return;
    this.draw();
    if (!this.refused) this.#timer = setTimeout(() => void this.begin(), EVERY);
  }

  end() {
    this.#isEnded = true;
    clearTimeout(this.#timer);
  }

  async #sample() {
    const figures = await this.api.figures();
    this.refused = figures === null;
    if (this.refused) return;
    const sums = new Map();
    for (const { name, value } of figures) sums.set(name, (sums.get(name) ?? 0) + value);
    this.samples = [...this.samples.slice(1 - KEPT), { at: performance.now(), sums }];
  }

  /** The chart of a value. */
  #course({ metric, rate }) {
    const values = this.samples.map(({ at, sums }) => ({ at, value: sums.get(metric) ?? 0 }));
    if (!rate) return values.map(({ value }) => value);
    return values.slice(1).map(({ at, value }, n) => Math.max(0, ((value - values[n].value) * 1000) / (at - values[n].at)));
  }

  #card(figure) {
    const course = this.#course(figure);
    const show = figure.show ?? number;
    const now = course.at(-1);
    return html`<div class="card">
      <h2>${say(`figure.${figure.key}`)}</h2>
      <p class="figure">${now === undefined ? "–" : show(now)}</p>
      ${chart(course)}
      <p class="quiet tiny">${course.length ? say("figure.most", { most: show(Math.max(...course)) }) : nothing}</p>
    </div>`;
  }

  render() {
    const { server } = this;
    return html`${server ? html`<p class="quiet">${say("overview.about", { version: server.version })}</p>` : nothing}
      <p class="error" role="status">${this.failed ? say("overview.failed") : nothing}</p>
      ${this.refused ? html`<p role="status">${say("overview.refused")}</p>` : html`<div class="cards">${FIGURES.map((each) => this.#card(each))}</div>`}`;
  }
}

/** A line chart from 0 to the maximum. */
function chart(course) {
  const most = Math.max(...course, 1e-9);
  const x = (n) => WIDTH - ((course.length - 1 - n) * WIDTH) / (KEPT - 1);
  const points = course.map((value, n) => `${x(n).toFixed(1)},${(HEIGHT - 2 - (value / most) * (HEIGHT - 4)).toFixed(1)}`);
  return html`<svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true">
    ${points.length > 1 ? svg`<polyline points=${points.join(" ")} />` : nothing}
  </svg>`;
}
