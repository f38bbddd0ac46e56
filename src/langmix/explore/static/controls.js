// All controls of the scenario: its scale, and its limits in sections that open.

import { brief, count, element, percent } from "./format.js";
import { knob } from "./knob.js";

const OBJECTIVES = {
  bits_per_byte: "bits per byte, mean",
  nats_per_token: "nats per token, mean",
  relative: "loss relative to uniform, mean",
  worst: "the worst language",
};

export function buildControls(about, scenario, changed, bestShares) {
  const knobs = [];
  const add = (field) => {
    const one = knob(field, scenario, changed);
    knobs.push(one);
    return one.root;
  };
  const { params, tokens } = about.ranges;
  document.getElementById("scale").append(
    add({ key: "params", label: "Parameters", kind: "count", low: params[0], high: params[1], log: true, wide: true, runs: about.reach.params }),
    add({ key: "tokens", label: "Training tokens", kind: "count", low: tokens[0], high: tokens[1], log: true, wide: true, runs: about.reach.tokens }),
    element("p", { className: "note runs-note" }, element("span", { className: "swatch runs-swatch" }), "sizes of the runs; beyond them the laws extrapolate"),
  );

  const sections = [];
  const form = document.getElementById("limits");
  const section = (title, summary, ...children) => {
    const state = element("span", { className: "state" });
    const box = element("details", {}, element("summary", {}, element("span", {}, title), state), ...children);
    sections.push(() => {
      const text = summary(scenario());
      state.textContent = text;
    });
    form.append(box);
    return box;
  };
  const each = (things, field) => things.map((thing) => add(field(thing)));
  const note = (text) => element("p", { className: "note" }, text);
  const listed = (field, write) => (now) => [...now.of(field)].map(([name, value]) => `${labelOf(name)} ${write(value)}`).join(", ");
  const labels = new Map([...about.languages, ...about.targets].map(({ name, label }) => [name, label]));
  const labelOf = (name) => labels.get(name) ?? name;

  const epochs = knob({ key: "max_epochs", label: "Most epochs", kind: "number", low: 1, high: 64, log: true, unset: "high", unsetText: "no limit" }, scenario, changed);
  knobs.push(epochs);
  section("Available data", listed("available", count),
    note("Distinct tokens that exist; repeated ones count for less."),
    ...each(about.languages, ({ name, label }) => ({
      key: `available.${name}`, label, spoken: `${label}: available tokens`, kind: "count", low: tokens[0], high: tokens[1], log: true, unset: "high", unsetText: "unlimited",
    })), epochs.root);
  section("Floors", listed("floors", brief),
    note("Least share. Left empty, the smallest share that the runs measured; 0 lifts that."),
    ...each(about.languages, ({ name, label }) => ({
      key: `floors.${name}`, label, spoken: `${label}: floor`, kind: "part", low: 0, high: 1, unset: "low", unsetText: "as runs",
    })));
  section("Ceilings", listed("ceilings", brief), note("Largest share."),
    ...each(about.languages, ({ name, label }) => ({
      key: `ceilings.${name}`, label, spoken: `${label}: ceiling`, kind: "part", low: 0, high: 1, unset: "high", unsetText: "none",
    })));
  const choice = (key, label, options) => {
    const select = element("select", { id: `choice-${key}` }, ...options.map(([value, text]) => element("option", { value }, text)));
    select.addEventListener("change", () => {
      scenario().set(key, select.value || null);
      changed();
    });
    sections.push(() => (select.value = scenario().text(key) ?? ""));
    return element("div", { className: "choice" }, element("label", { for: select.id }, label), select);
  };
  section("Weights and objective",
    (now) => [now.text("objective")?.replaceAll("_", " "), now.text("robust") && "robust", listed("weights", (x) => x)(now)].filter(Boolean).join(", "),
    choice("objective", "Minimise", about.objectives.map((name, k) => [k ? name : "", OBJECTIVES[name] ?? name])),
    choice("robust", "Under", [["", "the best laws"], ...Object.keys(about.robust).map((name) => [name, name === "mean" ? "all bootstrap laws, mean" : "the worst 10% of them"])]),
    note("What the loss of each counts."),
    ...each(about.targets, ({ name, label }) => ({
      key: `weights.${name}`, label, spoken: `${label}: weight`, kind: "number", low: 0, high: 4, unsetValue: 1,
    })));

  const tools = element("div", { className: "tools" });
  const sum = element("p", { className: "note", id: "current-sum" });
  const fill = (text, shares) => {
    const button = element("button", { type: "button" }, text);
    button.addEventListener("click", () => {
      const given = shares();
      scenario().clear("current");
      for (const [name, share] of given) scenario().set(`current.${name}`, share);
      update();
      changed();
    });
    tools.append(button);
    return button;
  };
  fill("From uniform", () => about.languages.map(({ name }) => [name, 1 / about.languages.length]));
  fill("From the best split", () => Object.entries(bestShares() ?? {}));
  const scaleUp = fill("Scale to 100%", () => {
    const total = scenario().currentSum;
    return [...scenario().of("current")].map(([name, share]) => [name, share / total]);
  });
  const clear = fill("Clear", () => []);
  const near = knob({ key: "near.current", label: "Move at most", spoken: "Part of the tokens that may differ from your mixture", kind: "part", low: 0, high: 0.5, unset: "high", unsetText: "no limit" }, scenario, changed);
  const worseCurrent = knob({ key: "no_worse_than.current", label: "Than yours", spoken: "Loss above that of your mixture at most", kind: "part", low: 0, high: 0.1, unset: "high", unsetText: "no limit" }, scenario, changed);
  knobs.push(near, worseCurrent);
  section("No language worse", listed("no_worse_than", brief),
    note("By how much a loss may rise above its loss there."),
    add({ key: "no_worse_than.uniform", label: "Than uniform", spoken: "Loss above that of uniform at most", kind: "part", low: 0, high: 0.1, unset: "high", unsetText: "no limit" }), worseCurrent.root);
  section("Your mixture", (now) => (now.hasCurrent ? listed("current", brief)(now) : now.currentSum === null ? "" : "does not sum to 100%"),
    note("Compared with; shares of the tokens."), tools,
    ...each(about.languages, ({ name, label }) => ({
      key: `current.${name}`, label, spoken: `${label}: share in your mixture`, kind: "part", low: 0, high: 1, unset: "low", unsetText: "none",
    })), sum, near.root);
  const others = element("p", { className: "note" });
  form.append(others);
  form.addEventListener("submit", (event) => event.preventDefault());

  /** Show what the scenario has, all of it or what depends on other fields alone. */
  function refresh() {
    const now = scenario();
    epochs.enable(now.of("available").size > 0);
    near.enable(now.hasCurrent);
    worseCurrent.enable(now.hasCurrent);
    const total = now.currentSum;
    scaleUp.disabled = total === null || total === 0 || now.hasCurrent;
    clear.disabled = total === null;
    sum.textContent = total === null ? "" : now.hasCurrent ? "Sums to 100%." : `Sums to ${percent(total)}: compared once it is 100%.`;
    sum.classList.toggle("amiss", total !== null && !now.hasCurrent);
    others.textContent = unshown(now, about);
    for (const each of sections) each();
  }

  function update() {
    for (const each of knobs) each.update();
    refresh();
  }

  update();
  for (const box of form.querySelectorAll("details")) box.open = box.querySelector(".state").textContent !== "";
  return { update, refresh };
}

/** Fields of a link for which there is no knob. */
function unshown(now, about) {
  const known = /^(params|tokens|objective|robust|max_epochs|(available|floors|ceilings|current|weights)\..*|near\.current|no_worse_than\.(uniform|current))$/;
  const rest = [...now.fields].filter(([key]) => !known.test(key)).map(([key, text]) => `${key} = ${text}`);
  return rest.length ? `Also in the link: ${rest.join(", ")}.` : "";
}
