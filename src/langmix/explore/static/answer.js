// The answer: the gain to expect, the split with its prices, the losses, the warnings, or why there is none.

import { change, count, element, percent, within } from "./format.js";

const NEARLY = 1e-3; // as langmix.allocate: a share this near to a bound is held there

const NAMES = { uniform: "uniform", proportional: "proportional to the data", current: "your mixture" };
const nameOf = (mixture) => NAMES[mixture] ?? mixture;

/** Words for a gain, as `langmix allocate` prints them. */
export function verdict({ gain, probability }) {
  if (gain.value === null) return "it leaves out every target that counts";
  if (gain.low === null) return "how sure is unknown: no bootstrap laws";
  const sure = `better with probability ${probability.toFixed(2)}`;
  return gain.low > 0 ? sure : gain.high >= 0 ? `${sure}: within noise` : `${sure}: it costs that much`;
}

export function showAnswer(about, answer) {
  const { allocation } = answer;
  showGains(about, allocation);
  showSplit(about, answer);
  showLosses(about, allocation);
  showWarnings(allocation.warnings);
}

function showGains(about, allocation) {
  document.getElementById("gains").replaceChildren(
    ...Object.entries(allocation.against).map(([name, other]) => {
      const { gain } = other;
      const noise = gain.low === null || (gain.low <= 0 && gain.high >= 0);
      const kept = about.targets.filter((target) => !other.left_out.includes(target.name)).map(({ label }) => label);
      return element("div", { className: `gain ${noise ? "noise" : gain.value < 0 ? "worse" : ""}`, "data-mixture": name },
        element("p", { className: "of" }, `Gain over ${nameOf(name)}`),
        element("p", { className: "value" }, gain.value === null ? "unknown" : percent(gain.value, 2)),
        element("p", { className: "how" }, gain.low === null ? "" : `90% interval ${within(gain.low, gain.high, (x) => percent(x, 2))}`),
        element("p", { className: "how" }, verdict(other)),
        other.left_out.length ? element("p", { className: "how" }, `over ${kept.join(", ") || "nothing"} alone: it has none of the others`) : null);
    }),
    element("p", { className: "scale-said" },
      `Fall of the objective (${allocation.objective.replaceAll("_", " ")}) from each mixture to the best one, at ${count(allocation.params)} parameters and ${count(allocation.tokens)} tokens.`),
  );
}

function showSplit(about, { allocation, token_counts: tokens, epochs, price_unit: unit }) {
  const { uniform, current } = allocation.against;
  const shares = Object.values(allocation.shares);
  const ends = Object.values(allocation.intervals).map(([, high]) => high ?? 0);
  const top = Math.min(1, niceEnd(Math.max(...shares, ...ends, ...Object.values(uniform.shares), ...Object.values(current?.shares ?? {}))));
  const repeats = Object.keys(epochs).length > 0;
  const head = ["Language", "", "Share", "90% interval", "Tokens", ...(repeats ? ["Epochs"] : []), "Price", "Price at uniform"];
  const rows = about.languages.map(({ name, label }) => {
    const [low, high] = allocation.intervals[name];
    const bar = element("span", { className: "bar", "aria-hidden": "true" },
      part("fill", { from: 0, to: allocation.shares[name] / top }),
      low === null ? null : part("whisker", { from: low / top, to: high / top }),
      part("uniform", { from: uniform.shares[name] / top }),
      current ? part("current", { from: current.shares[name] / top }) : null);
    return element("tr", { "data-language": name },
      element("th", { scope: "row" }, label, held(allocation, name)),
      element("td", { className: "figure" }, bar),
      element("td", { className: "strong" }, percent(allocation.shares[name])),
      element("td", { className: "soft" }, within(low, high, percent)),
      element("td", {}, count(tokens[name])),
      ...(repeats ? [element("td", {}, epochs[name] === undefined ? "" : String(Number(epochs[name].toPrecision(3))))] : []),
      element("td", {}, (allocation.prices[name] / unit).toFixed(2)),
      element("td", { className: "soft" }, (uniform.prices[name] / unit).toFixed(2)));
  });
  const axis = element("tr", { className: "axis", "aria-hidden": "true" }, element("td"),
    element("td", { className: "figure" }, element("span", { className: "ticks" }, ...[0, top / 2, top].map((end) => element("span", {}, `${Number((100 * end).toPrecision(3))}%`)))),
    element("td", { colspan: head.length - 2 }));
  document.getElementById("split").replaceChildren(
    element("caption", { className: "hidden" }, "Best split: share of the tokens per language, with intervals and prices"),
    element("thead", {}, element("tr", {}, ...head.map((text) => (text ? element("th", { scope: "col" }, text) : element("td", { className: "figure" }))))),
    element("tbody", {}, ...rows, axis));
  document.getElementById("legend").replaceChildren(
    key("fill", "best share"), key("whisker", "90% interval"), key("uniform", "uniform"), ...(current ? [key("current", "your mixture")] : []));
  document.getElementById("price-note").textContent =
    `Price: how much the objective falls per 1% of the budget given to a language; 1 = ${Number(unit.toPrecision(2))}. Equal at no limit, lower at a floor, higher at a cap.`;
}

const key = (kind, text) => element("span", { className: "key" }, element("span", { className: `swatch ${kind}` }), text);

function part(kind, { from, to }) {
  const made = element("span", { className: kind });
  made.style.setProperty("--from", from);
  if (to !== undefined) made.style.setProperty("--to", to);
  return made;
}

function held(allocation, name) {
  const share = allocation.shares[name];
  const [low, high] = allocation.bounds[name];
  const text = low > 0 && share <= low * (1 + NEARLY) ? "at its floor" : high < 1 && share >= high * (1 - NEARLY) ? "at its cap" : "";
  return text && element("span", { className: "held" }, text);
}

/** The next of 1, 2, 3, 4, 5, 6, 8 in a decade, as a share. */
function niceEnd(share) {
  const decade = 10 ** Math.floor(Math.log10(share));
  return decade * [1, 2, 3, 4, 5, 6, 8, 10].find((step) => step * decade >= share * 0.999);
}

function showLosses(about, allocation) {
  const others = Object.entries(allocation.against);
  const head = ["Target", "Nats per token", "90% interval", ...others.map(([name]) => `Against ${nameOf(name)}`)];
  const rows = about.targets.map(({ name, label }) => {
    const loss = allocation.losses[name];
    return element("tr", { "data-target": name },
      element("th", { scope: "row" }, label),
      element("td", { className: "strong" }, loss.value.toFixed(3)),
      element("td", { className: "soft" }, within(loss.low, loss.high, (x) => x.toFixed(3))),
      ...others.map(([, other]) => {
        const before = other.losses[name];
        const relative = before === undefined ? null : 100 * (loss.value / before - 1);
        return element("td", { className: relative > 0.005 ? "worse" : "" }, relative === null ? "unknown" : change(relative, 2, "%"));
      }));
  });
  document.getElementById("losses").replaceChildren(
    element("caption", { className: "hidden" }, "Predicted loss of every target under the best split"),
    element("thead", {}, element("tr", {}, ...head.map((text) => element("th", { scope: "col" }, text)))),
    element("tbody", {}, ...rows));
}

function showWarnings(sentences) {
  const place = document.getElementById("warnings");
  place.hidden = sentences.length === 0;
  place.replaceChildren(element("h2", {}, "How far to trust it"), element("ul", {}, ...sentences.map((text) => element("li", {}, text))));
}

/** Collisions as `langmix allocate` words them: what cannot be is the title, each reason a paragraph. */
export function showInfeasible(text) {
  const [, title, rest] = /^(no mixture of [^:]*): (.*)$/.exec(text) ?? [null, "no mixture keeps these limits", text];
  const capital = (words) => words.charAt(0).toUpperCase() + words.slice(1);
  document.getElementById("infeasible-title").textContent = capital(title);
  const reasons = rest.split(/;? ?\(\d+\) /).filter(Boolean);
  document.getElementById("reasons").replaceChildren(...reasons.map((reason) => element("p", {}, `${capital(reason)}.`)));
}

/** One sentence for those who do not see the page. */
export function spoken(about, reply) {
  if (reply.infeasible) return `No mixture keeps these limits: ${reply.infeasible}`;
  const { allocation } = reply;
  const shares = about.languages.map(({ name, label }) => `${label} ${percent(allocation.shares[name])}`).join(", ");
  const { uniform } = allocation.against;
  return `Best split: ${shares}. Gain over uniform ${percent(uniform.gain.value, 2)}, ${verdict(uniform)}.`;
}
