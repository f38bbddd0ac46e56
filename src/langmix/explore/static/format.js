// Numbers and names as langmix prints them.

const UNITS = { "": 1, k: 1e3, m: 1e6, b: 1e9, g: 1e9, t: 1e12 };

/** Tokens or parameters in three digits: 38.2B, 1.5M, 800. */
export function count(number) {
  const rounded = Number(number.toPrecision(3));
  for (const [size, unit] of [[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e3, "k"]]) {
    if (Math.abs(rounded) >= size) return Number((rounded / size).toPrecision(3)) + unit;
  }
  return String(rounded);
}

/** The number of a count such as 1.5B, 350e9 or 800k; NaN where it is none. */
export function readCount(text) {
  const match = /^\s*([0-9.]+(?:e[+-]?\d+)?)\s*([kmbgt]?)\s*$/i.exec(text);
  return match ? Number(match[1]) * UNITS[match[2].toLowerCase()] : NaN;
}

const sign = (text) => text.replace("-", "−");

export const percent = (part, digits = 1) => sign((100 * part).toFixed(digits)) + "%";

/** A share as it is typed: 2%, 12.5%. */
export const brief = (part) => `${Number((100 * part).toPrecision(4))}%`;

export const within = (low, high, write) =>
  low === null ? "unknown" : `${write(low).replace(/%$/, "")} to ${write(high)}`;

/** A difference with its sign: +3.1, −0.4; nothing where it rounds to none. */
export function change(difference, digits, unit = "") {
  const text = difference.toFixed(digits);
  if (Number(text) === 0) return "same";
  return (difference > 0 ? "+" : "") + sign(text) + unit;
}

/** An element with properties and children; strings become text, never markup. */
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.includes("-") || key === "role" || key === "for" || key === "scope" || key === "colspan") made.setAttribute(key, value);
    else made[key] = value;
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}
