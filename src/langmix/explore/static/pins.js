// Pinned scenarios beside the one that the sliders show. They live in the fragment of the address.

import { brief, change, count, element, percent, within } from "./format.js";
import { verdict } from "./answer.js";
import { Scenario } from "./scenario.js";

const MOST = 4;

export class Pins {
  /** @param ask gives the answer to a query; @param open makes a query the scenario of the sliders. */
  constructor(about, ask, open, changed) {
    this.about = about;
    this.ask = ask;
    this.open = open;
    this.changed = changed;
    this.pinned = []; // { query, reply }
    this.now = null;
  }

  async load(fragment) {
    const queries = new URLSearchParams(fragment.replace(/^#/, "")).getAll("pin").slice(0, MOST);
    this.pinned = await Promise.all(queries.map(async (query) => ({ query, reply: await this.ask(query) })));
    this.show();
  }

  get fragment() {
    const fields = new URLSearchParams(this.pinned.map(({ query }) => ["pin", query])).toString();
    return fields && `#${fields}`;
  }

  get full() {
    return this.pinned.length >= MOST;
  }

  add(query, reply) {
    if (this.full || this.pinned.some((pin) => pin.query === query)) return;
    this.pinned.push({ query, reply });
    this.show();
    this.changed();
  }

  remove(pin) {
    this.pinned = this.pinned.filter((other) => other !== pin);
    this.show();
    this.changed();
    document.getElementById("pin").focus();
  }

  follow(query, reply) {
    this.now = { query, reply };
    this.show();
  }

  show() {
    const none = this.pinned.length === 0 || this.now === null;
    document.getElementById("compare-note").hidden = !none;
    document.getElementById("compare-scroll").hidden = none;
    if (none) return;
    const columns = [this.now, ...this.pinned];
    document.getElementById("pins").replaceChildren(
      element("caption", { className: "hidden" }, "Scenarios side by side; differences are from what the sliders show now"),
      element("thead", {}, element("tr", {}, element("td"), ...columns.map((column, k) => this.#head(column, k)))),
      ...this.#bodies(columns));
  }

  #head(column, k) {
    if (k === 0) return element("th", { scope: "col" }, "Now");
    const name = String.fromCharCode(64 + k);
    const button = (text, act) => {
      const made = element("button", { type: "button", "aria-label": `${text} scenario ${name}` }, text);
      made.addEventListener("click", act);
      return made;
    };
    return element("th", { scope: "col" }, name, element("span", { className: "tools" },
      button("Open", () => this.open(column.query)), button("Remove", () => this.remove(column))));
  }

  #bodies(columns) {
    const { languages, targets } = this.about;
    const now = columns[0].reply.allocation;
    const row = (label, write) => element("tr", {}, element("th", { scope: "row" }, label), ...columns.map((column, k) => element("td", {}, ...[write(column, k)].flat())));
    const solved = (write) => (column, k) => (column.reply.allocation ? write(column.reply.allocation, k) : "no mixture");
    const beside = (value, difference) => [value, element("span", { className: "soft small" }, difference)];
    const group = (title, ...rows) => element("tbody", {}, element("tr", {}, element("th", { scope: "rowgroup", colspan: columns.length + 1, className: "group" }, title)), ...rows);
    const settings = this.#settings(columns);
    return [
      group("Scenario", ...settings.map(([label, values]) => row(label, (_, k) => values[k]))),
      group("Gain over uniform",
        row("Gain", solved((a) => percent(a.against.uniform.gain.value, 2))),
        row("90% interval", solved((a) => within(a.against.uniform.gain.low, a.against.uniform.gain.high, (x) => percent(x, 2)))),
        row("Verdict", solved((a) => verdict(a.against.uniform)))),
      group("Share of the tokens", ...languages.map(({ name, label }) => row(label, solved((a, k) => {
        const share = percent(a.shares[name]);
        return k && now ? beside(share, change(100 * (a.shares[name] - now.shares[name]), 1)) : share;
      })))),
      group("Predicted loss, nats per token", ...targets.map(({ name, label }) => row(label, solved((a, k) => {
        const loss = a.losses[name].value.toFixed(3);
        return k && now ? beside(loss, change(a.losses[name].value - now.losses[name].value, 3)) : loss;
      })))),
    ];
  }

  /** Parameters and tokens, and every other field in which the scenarios differ, a row each. */
  #settings(columns) {
    const scenarios = columns.map(({ query }) => new Scenario(query, this.about));
    const labels = new Map([...this.about.languages, ...this.about.targets].map(({ name, label }) => [name, label]));
    const rows = [["Parameters", scenarios.map((each) => count(each.number("params")))], ["Training tokens", scenarios.map((each) => count(each.number("tokens")))]];
    for (const [field, title, write] of SETTINGS) {
      const texts = scenarios.map((each) => {
        const listed = [...each.of(field)].map(([name, value]) => `${labels.get(name) ?? name} ${write(value)}`);
        const plain = each.text(field) === null ? "" : write(each.text(field));
        return plain || listed.join(", ") || "–";
      });
      if (new Set(texts).size > 1) rows.push([title, texts]);
    }
    return rows;
  }
}

const plain = (value) => String(value).replaceAll("_", " ");
const SETTINGS = [
  ["objective", "Objective", plain], ["robust", "Robust", plain], ["weights", "Weights", plain], ["available", "Available", count],
  ["max_epochs", "Epochs at most", plain], ["floors", "Floors", brief], ["ceilings", "Ceilings", brief], ["fixed", "Fixed", brief],
  ["no_worse_than", "No worse than", brief], ["near", "Moved at most from", brief], ["current", "Your mixture", brief],
];
