// <form data-analysis="NAME">: starts an analysis with its fields, shows what is wrong beside the field, and hands the
// session over to an <analysis-progress>. Types and markup: analysis-form.d.ts.

import { AnalysisProgress } from "./analysis-progress.js";
import { Refused, start, upload } from "./outlast.js";

const ENDS = ["analysis:done", "analysis:error", "analysis:cancelled"];
const known = new WeakSet();

/** Makes a form start an analysis when it is submitted. */
export function startForm(form, options = {}) {
  if (known.has(form)) return;
  known.add(form);
  new AnalysisForm(form, options);
}

class AnalysisForm {
  #form;
  #options;
  #busy = false;
  #uploaded = new WeakMap(); // files already uploaded, so that an error elsewhere sends none twice
  #marks = [];

  constructor(form, options) {
    this.#form = form;
    this.#options = { analysis: form.dataset.analysis, site: form.dataset.site, ...options };
    form.addEventListener("submit", (event) => this.#submit(event));
    window.addEventListener("pageshow", (event) => event.persisted && this.#markBusy(false));
  }

  async #submit(event) {
    event.preventDefault();
    if (this.#busy) return;
    this.#clear();
    this.#markBusy(true);
    try {
      const { analysis, site, input } = this.#options;
      const given = input ? await input(this.#form) : await this.#input();
      this.#handOver(await start(analysis, given, { site }));
    } catch (refusal) {
      if (!(refusal instanceof Refused)) throw refusal;
      this.#show(refusal);
    } finally {
      this.#markBusy(false);
    }
  }

  async #input() {
    const input = {};
    for (const [name, controls] of this.#controls()) {
      const value = await this.#value(name, controls);
      if (value !== undefined) input[name] = value;
    }
    return input;
  }

  #controls() {
    const byName = new Map();
    for (const control of this.#form.elements) {
      if (!control.name || control.matches(":disabled, fieldset, button, [type=submit], [type=image], [type=reset]")) continue;
      byName.set(control.name, [...(byName.get(control.name) ?? []), control]);
    }
    return byName;
  }

  /** The value of the controls of one name, as JSON input; undefined if they are empty. */
  async #value(name, controls) {
    const [first] = controls;
    if (first.type === "radio") return controls.find((control) => control.checked)?.value;
    if (first.type === "checkbox") {
      if (controls.length === 1 && !first.hasAttribute("value")) return first.checked;
      return controls.filter((control) => control.checked).map((control) => control.value);
    }
    const values = [];
    for (const control of controls) values.push(...(await this.#values(control)));
    const list = controls.length > 1 || first.multiple || first.dataset.list !== undefined;
    return list ? values : values[0];
  }

  async #values(control) {
    if (control.type === "file") {
      const sources = [];
      for (const file of control.files) sources.push(await this.#send(control, file));
      return sources;
    }
    if (control.type === "select-multiple") return [...control.selectedOptions].map((option) => option.value);
    const text = control.value.trim();
    if (!text) return [];
    return [control.type === "number" || control.type === "range" ? Number(text) : text];
  }

  async #send(control, file) {
    if (!this.#uploaded.has(file)) {
      const progress = (sent) => this.#dispatch("analysis:upload", { file, sent });
      try {
        this.#uploaded.set(file, (await upload(file, { progress, site: this.#options.site })).source);
      } catch (refusal) {
        if (refusal instanceof Refused && !refusal.problem.errors?.length) {
          refusal.problem.errors = [{ pointer: `/input/${control.name}`, detail: refusal.message }];
        }
        throw refusal;
      }
    }
    return this.#uploaded.get(file);
  }

  /** Shows the session in the form's element; the form is back when the session has ended. */
  #handOver(session) {
    if (!this.#dispatch("analysis:started", session)) return;
    const element = this.#element();
    const back = (event) => {
      if (event.target !== element) return;
      for (const name of ENDS) element.removeEventListener(name, back);
      this.#form.hidden = false;
    };
    for (const name of ENDS) element.addEventListener(name, back);
    element.hidden = false;
    element.follow(session);
    this.#form.hidden = true;
    element.focus();
  }

  #element() {
    const { element } = this.#options;
    const selector = this.#form.dataset.progress;
    const found = element ?? (selector && document.querySelector(selector));
    if (found) return found;
    const made = new AnalysisProgress();
    this.#form.after(made);
    return (this.#options.element = made);
  }

  #show(refusal) {
    const controls = this.#controls();
    const elsewhere = [];
    let first = null;
    for (const { pointer = "", detail } of refusal.problem.errors ?? []) {
      const names = pointer.split("/").map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));
      const control = names.map((name) => controls.get(name)?.[0]).find(Boolean);
      if (control) this.#mark(control, detail);
      else elsewhere.push(detail);
      first ??= control ?? null;
    }
    if (!first || elsewhere.length) {
      const summary = this.#place("", this.#form);
      summary.setAttribute("role", "alert");
      summary.textContent = elsewhere.join(" ") || refusal.message;
    }
    first?.focus();
  }

  #mark(control, detail) {
    const place = this.#place(control.name, control);
    place.textContent = [place.textContent, detail].filter(Boolean).join(" ");
    if (control.hasAttribute("aria-invalid")) return;
    const described = control.getAttribute("aria-describedby");
    control.setAttribute("aria-invalid", "true");
    control.setAttribute("aria-describedby", [described, place.id].filter(Boolean).join(" "));
    this.#marks.push(() => {
      control.removeAttribute("aria-invalid");
      if (described) control.setAttribute("aria-describedby", described);
      else control.removeAttribute("aria-describedby");
    });
  }

  /** Where errors of this name are shown: the page's own `data-error-for`, else a new one behind the control. */
  #place(name, node) {
    const own = [...this.#form.querySelectorAll("[data-error-for]")].find((place) => place.dataset.errorFor === name);
    const place = own ?? document.createElement("p");
    place.id ||= `analysis-error-${crypto.getRandomValues(new Uint32Array(1))[0]}`;
    if (own) {
      own.hidden = false;
      this.#marks.push(() => {
        own.textContent = "";
        own.hidden = true;
      });
      return own;
    }
    place.className = "analysis-error";
    place.dataset.errorFor = name;
    if (node === this.#form) node.append(place);
    else (node.closest("label") ?? node).after(place);
    this.#marks.push(() => place.remove());
    return place;
  }

  #clear() {
    for (const undo of this.#marks.splice(0)) undo();
  }

  #markBusy(busy) {
    this.#busy = busy;
    this.#form.setAttribute("aria-busy", busy);
    for (const button of this.#form.querySelectorAll("button:not([type=button]), [type=submit]")) {
      if (busy) button.setAttribute("aria-disabled", "true"); // disabling it would lose the focus
      else button.removeAttribute("aria-disabled");
    }
  }

  #dispatch(name, detail) {
    return this.#form.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, cancelable: true }));
  }
}

if (globalThis.document) for (const form of document.querySelectorAll("form[data-analysis]")) startForm(form);
