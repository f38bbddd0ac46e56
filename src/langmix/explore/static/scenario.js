// The scenario: fields as they stand in the address, such as params=1.5B and floors.rust=0.02.

import { readCount } from "./format.js";

export class Scenario {
  constructor(query, about) {
    this.about = about;
    this.fields = new Map(new URLSearchParams(query));
    if (this.of("weights").size) {
      for (const { name } of about.targets) if (!this.fields.has(`weights.${name}`)) this.fields.set(`weights.${name}`, "0");
    }
  }

  text(key) {
    return this.fields.get(key) ?? null;
  }

  number(key) {
    return this.fields.has(key) ? readCount(this.fields.get(key)) : null;
  }

  /** The names under a field: of("floors") gives a Map of language to share. */
  of(field) {
    const found = new Map();
    for (const [key, text] of this.fields) {
      if (key.startsWith(field + ".")) found.set(key.slice(field.length + 1), readCount(text));
    }
    return found;
  }

  /** null takes the field away. */
  set(key, value) {
    if (key.startsWith("weights.")) this.#weigh(key, value ?? 1);
    else if (value === null) this.fields.delete(key);
    else this.fields.set(key, String(value));
  }

  clear(field) {
    for (const name of this.of(field).keys()) this.fields.delete(`${field}.${name}`);
  }

  /** Targets without a weight would count nothing, so either all have one or none. */
  #weigh(key, value) {
    const targets = this.about.targets.map((target) => `weights.${target.name}`);
    const weights = new Map(targets.map((each) => [each, this.number(each) ?? 1]));
    weights.set(key, value);
    const equal = [...weights.values()].every((each) => each === 1);
    for (const [each, weight] of weights) {
      if (equal) this.fields.delete(each);
      else this.fields.set(each, String(weight));
    }
  }

  /** The sum of the user's own mixture; null where there is none. */
  get currentSum() {
    const shares = [...this.of("current").values()];
    return shares.length ? shares.reduce((sum, share) => sum + share, 0) : null;
  }

  get hasCurrent() {
    return this.currentSum !== null && Math.abs(this.currentSum - 1) <= 1e-3;
  }

  /** What is asked: without fields that wait for others, such as a mixture that does not yet sum to 100%. */
  query() {
    const asked = new URLSearchParams();
    const repeats = this.of("available").size > 0;
    for (const [key, text] of this.fields) {
      if (key === "max_epochs" && !repeats) continue;
      if (!this.hasCurrent && (key.startsWith("current.") || key.endsWith(".current"))) continue;
      asked.append(key, text);
    }
    return asked.toString();
  }
}
