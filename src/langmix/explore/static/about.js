// Where the laws come from, and how good they are.

import { count, element, percent } from "./format.js";

export function showAbout(about) {
  const { provenance, reach } = about;
  document.getElementById("source").textContent = `${about.source}: ${provenance.checkpoints} checkpoints, ${span(reach.params)} parameters, ${span(reach.tokens)} tokens`;
  const labels = new Map(about.targets.map(({ name, label }) => [name, label]));
  const errors = about.held_out.filter(({ form }) => form === about.form).map(({ split, error }) => `${percent(error, 2)} on ${split}`);
  const prior = Object.entries(about.prior).map(([target, names]) => `${labels.get(target)}: ${names.join(", ")}`);
  const facts = [
    ["Law", `${about.form}: ${about.formula}`],
    ["Error on runs that the fit did not see", errors.join(", ") || "not measured: the form was given"],
    ["Intervals", about.draws ? `90%, over ${about.draws} bootstrap laws` : "none: the laws have no bootstrap draws"],
    ["Set by the prior, not by the runs", prior.join("; ") || "nothing"],
    ["Runs", `${provenance.runs.split("/").at(-1)}, SHA-256 ${provenance.runs_sha256}`],
    ["Parameters", provenance.params_convention],
    ["Written by", `langmix ${provenance.langmix_version}, seed ${provenance.seed}; shown by langmix ${about.version}`],
  ];
  document.getElementById("about").append(
    element("h2", { id: "about-title" }, "These laws"),
    element("dl", {}, ...facts.flatMap(([term, text]) => [element("dt", {}, term), element("dd", {}, text)])));
}

const span = ([low, high]) => (low === high ? count(low) : `${count(low)} to ${count(high)}`);
