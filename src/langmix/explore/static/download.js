// The mixture as a file of any trainer, with a look at it before it is saved.

import { element } from "./format.js";

export class Download {
  constructor(about) {
    this.about = about;
    this.query = null;
    this.trainer = element("select", { id: "trainer" }, ...about.trainers.map(({ name, description }) => element("option", { value: name }, description)));
    this.packed = element("input", { type: "checkbox", id: "packed", checked: true });
    this.packing = element("p", { className: "choice" }, this.packed, element("label", { for: "packed" }, "samples are packed rows of equal length (otherwise documents: give their mean tokens)"));
    this.rows = about.languages.map(({ name, label }) => ({
      name,
      path: element("input", { type: "text", id: `path-${name}`, placeholder: `data/${name}`, autocomplete: "off", spellcheck: false }),
      size: element("input", { type: "text", inputMode: "decimal", className: "box", "aria-label": `${label}: mean tokens per document` }),
      label,
    }));
    this.sizeHead = element("th", { scope: "col" }, "Tokens per document");
    this.paths = element("details", {}, element("summary", {}, "Where the data lie"),
      element("p", { className: "note" }, "Paths left empty are written as the placeholders that you see."),
      element("table", { className: "paths" }, element("caption", { className: "hidden" }, "Path of every language's data"),
        element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "Language"), element("th", { scope: "col" }, "Path"), this.sizeHead)),
        element("tbody", {}, ...this.rows.map(({ path, size, label }) => element("tr", {}, element("th", { scope: "row" }, element("label", { for: path.id }, label)), element("td", {}, path), element("td", { className: "size" }, size))))));
    this.preview = element("pre", { tabIndex: 0, role: "region", "aria-label": "The file" });
    this.link = element("a", { className: "button", id: "save" }, "Save file");
    this.fault = element("p", { className: "fault", role: "alert", hidden: true });
    document.getElementById("download").append(
      element("h2", { id: "download-title" }, "Take it along"),
      element("div", { className: "choice" }, element("label", { for: "trainer" }, "File for"), this.trainer, this.link),
      this.packing, this.paths, this.fault, this.preview);
    const changed = () => this.show();
    for (const input of document.querySelectorAll("#download input, #download select")) input.addEventListener("change", changed);
  }

  /** Follow the scenario; null where it has no answer. */
  follow(query) {
    this.query = query;
    this.show();
  }

  async show() {
    const chosen = this.about.trainers.find(({ name }) => name === this.trainer.value);
    const choosable = chosen.units.length > 1;
    const documents = choosable && !this.packed.checked;
    this.packing.hidden = !choosable;
    this.paths.hidden = chosen.name === "json" || chosen.name === "csv";
    for (const cell of [this.sizeHead, ...this.rows.map(({ size }) => size.parentElement)]) cell.hidden = !documents;
    this.link.hidden = this.preview.hidden = this.query === null;
    if (this.query === null) return;
    const query = new URLSearchParams(this.query);
    if (choosable && !documents) query.append("packed", "true");
    for (const { name, path, size } of this.rows) {
      if (path.value.trim() && !this.paths.hidden) query.append(`paths.${name}`, path.value.trim());
      if (documents && size.value.trim()) query.append(`tokens_per_document.${name}`, size.value.trim());
    }
    const address = `export/${chosen.name}?${query}`;
    this.link.href = address;
    this.wanted = address;
    const response = await fetch(address);
    const text = await response.text();
    if (this.wanted !== address) return;
    this.fault.hidden = response.ok;
    this.link.hidden = this.preview.hidden = !response.ok;
    if (response.ok) this.preview.textContent = text;
    else {
      this.fault.textContent = JSON.parse(text).error;
      if (documents) this.paths.open = true;
    }
  }
}
