// The page: one question at a time goes to the server; what was asked meanwhile waits, and only the last of it.

import { showAbout } from "./about.js";
import { showAnswer, showInfeasible, spoken } from "./answer.js";
import { buildControls } from "./controls.js";
import { CURVES, showCurves } from "./curves.js";
import { Download } from "./download.js";
import { element } from "./format.js";
import { Pins } from "./pins.js";
import { Scenario } from "./scenario.js";

const QUIET = 250; // milliseconds without a change after which the slower parts follow

const main = document.getElementById("answer");

async function get(path) {
  let response;
  try {
    response = await fetch(path);
  } catch {
    throw new Error("The server does not answer. Is `langmix explore` still running?");
  }
  const content = await response.json();
  if (!response.ok) throw new Error(content.error);
  return content;
}

function complain(error) {
  const place = document.getElementById("message");
  place.textContent = error.message;
  place.hidden = false;
}

async function start() {
  const about = await get("about");
  showAbout(about);

  let scenario = new Scenario(location.search.slice(1) || about.start, about);
  let answered = null; // { query, reply }
  let curves = null;
  let kind = "losses";
  let wanted = null;
  let asking = false;
  let quiet = 0;

  const download = new Download(about);
  const pins = new Pins(about, (query) => get(`answer?${query}`), open, address);
  const controls = buildControls(about, () => scenario, changed, () => answered?.reply.allocation?.shares);
  kinds();

  function open(query) {
    scenario = new Scenario(query, about);
    controls.update();
    changed();
  }

  function changed() {
    controls?.refresh();
    wanted = scenario.query();
    delete main.dataset.settled;
    if (!asking) ask();
  }

  async function ask() {
    asking = true;
    main.setAttribute("aria-busy", "true");
    clearTimeout(quiet);
    while (wanted !== null) {
      const query = wanted;
      wanted = null;
      try {
        show(query, await get(`answer?${query}`));
      } catch (error) {
        complain(error);
      }
    }
    asking = false;
    quiet = setTimeout(settle, QUIET);
  }

  function show(query, reply) {
    answered = { query, reply };
    document.getElementById("message").hidden = true;
    const solved = reply.infeasible === undefined;
    document.getElementById("infeasible").hidden = solved;
    document.getElementById("solved").hidden = !solved;
    if (solved) showAnswer(about, reply);
    else showInfeasible(reply.infeasible);
    document.getElementById("pin").disabled = pins.full;
    pins.follow(query, reply);
    main.dataset.answered = query;
  }

  /** After the sliders came to rest: the address, the curves, the file, and a word to a screen reader. */
  async function settle() {
    if (answered === null) return;
    const { query, reply } = answered;
    address();
    document.getElementById("status").textContent = spoken(about, reply);
    const solved = reply.infeasible === undefined;
    download.follow(solved ? query : null);
    try {
      if (solved) {
        const found = await get(`curves?${query}`);
        if (answered.query !== query) return;
        curves = { ...found, query };
        drawCurves();
      }
    } catch (error) {
      complain(error);
    }
    if (asking) return;
    main.setAttribute("aria-busy", "false");
    main.dataset.settled = query;
  }

  function drawCurves() {
    const { allocation, price_unit: unit } = answered.reply;
    if (curves?.tokens && curves.query === answered.query && allocation) showCurves(kind, about, curves, allocation, unit);
  }

  function address() {
    if (answered) history.replaceState(null, "", `?${answered.query}${pins.fragment}`);
    document.getElementById("pin").disabled = pins.full;
  }

  function kinds() {
    for (const [name, { label }] of Object.entries(CURVES)) {
      const input = element("input", { type: "radio", name: "curve", id: `curve-${name}`, value: name, checked: name === kind });
      input.addEventListener("change", () => {
        kind = name;
        drawCurves();
      });
      document.getElementById("curve-kind").append(input, element("label", { for: input.id }, label));
    }
  }

  document.getElementById("pin").addEventListener("click", () => answered && pins.add(answered.query, answered.reply));
  document.getElementById("reset").addEventListener("click", () => open(about.start));
  document.getElementById("copy").addEventListener("click", async ({ currentTarget: button }) => {
    address();
    try {
      await navigator.clipboard.writeText(location.href);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Copy it from the address bar";
    }
    setTimeout(() => (button.textContent = "Copy link"), 2000);
  });

  changed();
  pins.load(location.hash).catch(complain);
}

start().catch(complain);
