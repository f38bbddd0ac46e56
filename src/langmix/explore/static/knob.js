// A knob: a slider and a box beside it for one field of the scenario.

import { brief, count, element, readCount } from "./format.js";

const STEPS = 400;

const readPart = (text) => (/%\s*$/.test(text) ? readCount(text.replace(/%\s*$/, "")) : readCount(text)) / 100;

/** How a kind of number is written and read. */
export const KINDS = {
  count: { write: count, read: readCount, hint: "a number above 0 such as 1.5B, 350e9 or 800k", above: 0 },
  part: { write: brief, read: readPart, hint: "a percentage from 0 to 100" },
  number: { write: (number) => String(Number(number.toPrecision(3))), read: readCount, hint: "a number, 0 or more" },
};

/** Positions of the slider, 0 to STEPS, and values. */
function scale({ low, high, log }) {
  return log
    ? {
        value: (place) => Number((low * (high / low) ** (place / STEPS)).toPrecision(3)),
        place: (value) => (STEPS * Math.log(value / low)) / Math.log(high / low),
      }
    : {
        value: (place) => Number((low + ((high - low) * place) / STEPS).toPrecision(3)),
        place: (value) => (STEPS * (value - low)) / (high - low),
      };
}

let made = 0;

/**
 * @param field key, label, kind, low, high, log; unset: "low" or "high", the end of the slider that takes the
 *   field away, and unsetText, what the box then shows; unsetValue, where that is a number of its own.
 */
export function knob(field, scenario, changed) {
  const kind = KINDS[field.kind];
  const { value: valueAt, place: placeOf } = scale(field);
  const id = `knob-${++made}`;
  const slider = element("input", { type: "range", id, min: 0, max: STEPS, step: 1 });
  const box = element("input", {
    type: "text", className: "box", inputMode: "decimal", autocomplete: "off", spellcheck: false,
    placeholder: field.unsetText ?? "", "aria-label": `${field.spoken ?? field.label}, typed`,
  });
  const fault = element("p", { className: "fault", id: `${id}-fault`, hidden: true });
  const label = element("label", { for: id }, field.label);
  slider.setAttribute("aria-label", field.spoken ?? field.label);
  const track = element("span", { className: "track" }, slider);
  const root = element("div", { className: field.wide ? "knob wide" : "knob" }, label, track, box, fault);
  if (field.runs) track.append(runsBand(field, placeOf));

  const end = field.unset === "low" ? 0 : field.unset === "high" ? STEPS : null;

  function say(value) {
    const text = value === null ? field.unsetText ?? "not set" : kind.write(value);
    slider.setAttribute("aria-valuetext", text);
  }

  function accept(value) {
    fault.hidden = true;
    box.removeAttribute("aria-invalid");
    box.removeAttribute("aria-describedby");
    scenario().set(field.key, value);
    say(value);
    changed();
  }

  slider.addEventListener("input", () => {
    const place = Number(slider.value);
    const value = place === end ? null : valueAt(place);
    box.value = value === null ? "" : kind.write(value);
    accept(value);
  });
  box.addEventListener("change", () => {
    const text = box.value.trim();
    const value = text === "" && field.unset ? null : kind.read(text);
    const most = field.kind === "part" ? 1 : 1e30;
    if (value !== null && !(Number.isFinite(value) && value >= 0 && value <= most && value !== kind.above)) {
      fault.textContent = `${text || "nothing"}: expected ${kind.hint}`;
      fault.hidden = false;
      box.setAttribute("aria-invalid", "true");
      box.setAttribute("aria-describedby", fault.id);
      return;
    }
    accept(value);
    update();
  });
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault();
    if (event.key === "Enter") box.dispatchEvent(new Event("change"));
  });

  /** Show what the scenario has. */
  function update() {
    const value = scenario().number(field.key);
    const shown = value ?? field.unsetValue ?? null;
    if (Number.isNaN(shown)) {
      box.value = scenario().text(field.key); // as the link has it; the server says what is amiss
      return;
    }
    slider.value = String(shown === null ? end : Math.round(placeOf(shown)));
    box.value = shown === null ? "" : kind.write(shown);
    box.title = value === null ? "" : String(value);
    say(shown);
    fault.hidden = true;
  }

  function enable(enabled) {
    slider.disabled = box.disabled = !enabled;
    root.classList.toggle("off", !enabled);
  }

  update();
  return { root, update, enable };
}

/** Under the slider, where the runs are: beyond it answers extrapolate. */
function runsBand(field, placeOf) {
  const [low, high] = field.runs.map((value) => placeOf(value) / STEPS);
  const band = element("span", { className: "runs" });
  band.style.setProperty("--from", low);
  band.style.setProperty("--to", Math.max(high, low + 0.01));
  return band;
}
