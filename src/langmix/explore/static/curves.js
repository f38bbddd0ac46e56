// Small panels, one per language: the best mixture along the tokens. Plain SVG, so that it follows the page's colours.

import { count, element, percent, within } from "./format.js";

const WIDTH = 220;
const HEIGHT = 118;
const LEFT = 38;
const RIGHT = 8;
const TOP = 8;
const BOTTOM = 18;

export const CURVES = {
  losses: {
    label: "Loss",
    note: "Predicted loss, nats per token, where the mixture is the best one at each budget; band: 90% interval; dashed: uniform. Every panel has its own scale.",
    write: (value) => value.toFixed(2),
  },
  shares: {
    label: "Share",
    note: "Best share of the tokens at each budget; grey: the other languages.",
    write: (value) => percent(value),
  },
  prices: {
    label: "Price",
    note: "Price at each budget, in the unit of the table above; grey: the other languages, on the same line where nothing limits them.",
    write: (value) => value.toFixed(2),
  },
};

/** Lines of a kind: name, label, values, and for losses band and dashed. */
function linesOf(kind, about, curves, unit) {
  if (kind === "losses") {
    return about.targets.map(({ name, label }) => {
      const band = curves.losses[name];
      return {
        name, label, values: band.map((each) => each.value),
        band: band.every((each) => each.low !== null) ? band.map((each) => [each.low, each.high]) : null,
        dashed: curves.uniform[name],
      };
    });
  }
  const scale = kind === "prices" ? unit : 1;
  return about.languages.map(({ name, label }) => ({ name, label, values: curves[kind][name].map((value) => value / scale) }));
}

export function showCurves(kind, about, curves, scenario, unit) {
  const { note, write } = CURVES[kind];
  document.getElementById("curves-note").textContent = curves.left_out
    ? `${note} Budgets that no mixture of these limits can fill are left out.`
    : note;
  const lines = linesOf(kind, about, curves, unit);
  const x = logScale(curves.tokens);
  const all = kind === "losses" ? null : range(lines.flatMap((line) => line.values));
  const here = curves.tokens.findIndex((tokens) => Math.abs(tokens / scenario.tokens - 1) < 1e-9);
  document.getElementById("panels").replaceChildren(...lines.map((line) => {
    const y = linear(all ?? range([...line.values, ...(line.dashed ?? []), ...(line.band ?? []).flat()]));
    return element("figure", { "data-panel": line.name },
      element("figcaption", {}, element("span", {}, line.label), element("span", { className: "at soft" }), element("span", { className: "strong" }, write(line.values[here]))),
      panel({ line, others: kind === "losses" ? [] : lines.filter((other) => other !== line), x, y, tokens: curves.tokens, here, write, what: CURVES[kind].label }));
  }));
  probe(lines, x, curves.tokens, here, write);
  document.querySelector("#curves-table .scroll").replaceChildren(table(kind, lines, curves.tokens, write));
}

/** Under the pointer every panel shows the same budget; away from it, that of the scenario. */
function probe(lines, x, tokens, here, write) {
  const root = document.getElementById("panels");
  const figures = [...root.children];
  const show = (k) => {
    for (const [each, line] of lines.entries()) {
      const hair = figures[each].querySelector(".here");
      hair.setAttribute("x1", x(tokens[k]));
      hair.setAttribute("x2", x(tokens[k]));
      figures[each].querySelector(".strong").textContent = write(line.values[k]);
      figures[each].querySelector(".at").textContent = k === here ? "" : `at ${count(tokens[k])}`;
    }
  };
  root.onpointermove = (event) => {
    const drawing = event.target.closest?.("svg")?.getBoundingClientRect();
    if (!drawing) return;
    const place = (WIDTH * (event.clientX - drawing.left)) / drawing.width;
    const distance = tokens.map((budget) => Math.abs(x(budget) - place));
    show(distance.indexOf(Math.min(...distance)));
  };
  root.onpointerleave = () => show(here);
}

function panel({ line, others, x, y, tokens, here, write, what }) {
  const path = (values) => values.map((value, k) => `${k ? "L" : "M"}${x(tokens[k]).toFixed(1)} ${y(value).toFixed(1)}`).join("");
  const root = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${line.label}: ${what.toLowerCase()} from ${write(line.values[0])} at ${count(tokens[0])} tokens to ${write(line.values.at(-1))} at ${count(tokens.at(-1))}` });
  for (const end of [y.low, y.high]) {
    root.append(svg("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(end), y2: y(end) }));
    root.append(text(write(end), LEFT - 5, y(end) + 3, "end"));
  }
  root.append(svg("line", { class: "here", x1: x(tokens[here]), x2: x(tokens[here]), y1: TOP, y2: HEIGHT - BOTTOM }));
  root.append(text(count(tokens[0]), LEFT, HEIGHT - 4, "start"), text(count(tokens.at(-1)), WIDTH - RIGHT, HEIGHT - 4, "end"));
  if (here > 1 && here < tokens.length - 2) root.append(text(count(tokens[here]), x(tokens[here]), HEIGHT - 4, "middle"));
  if (line.band) {
    const back = line.band.map(([low], k) => `L${x(tokens[k]).toFixed(1)} ${y(low).toFixed(1)}`).reverse().join("");
    root.append(svg("path", { class: "band", d: `${path(line.band.map(([, high]) => high))}${back}Z` }));
  }
  for (const other of others) root.append(svg("path", { class: "other", d: path(other.values) }));
  if (line.dashed) root.append(svg("path", { class: "dashed", d: path(line.dashed) }));
  root.append(svg("path", { class: "line", d: path(line.values) }));
  root.append(svg("circle", { class: "dot", cx: x(tokens[here]), cy: y(line.values[here]), r: 3.2 }));
  return root;
}

function table(kind, lines, tokens, write) {
  return element("table", {},
    element("caption", { className: "hidden" }, CURVES[kind].note),
    element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "Tokens"), ...lines.map((line) => element("th", { scope: "col" }, line.label)))),
    element("tbody", {}, ...tokens.map((budget, k) => element("tr", {},
      element("th", { scope: "row" }, count(budget)),
      ...lines.map((line) => element("td", {}, write(line.values[k]), line.band ? element("span", { className: "soft small" }, ` (${within(...line.band[k], write)})`) : ""))))));
}

function svg(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function text(content, x, y, anchor) {
  const made = svg("text", { x, y, "text-anchor": anchor });
  made.textContent = content;
  return made;
}

function logScale(values) {
  const [low, high] = [Math.log(values[0]), Math.log(values.at(-1))];
  return (value) => LEFT + ((WIDTH - LEFT - RIGHT) * (Math.log(value) - low)) / (high - low || 1);
}

const range = (values) => [Math.min(...values), Math.max(...values)];

function linear([low, high]) {
  const spread = high - low || Math.abs(high) || 1;
  const at = (value) => HEIGHT - BOTTOM - ((HEIGHT - TOP - BOTTOM) * (value - low)) / spread;
  return Object.assign(at, { low, high });
}
