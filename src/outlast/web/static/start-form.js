// Starts an analysis from the form: uploads files with progress, shows errors beside their fields, and in sync mode
// shows the progress that the start request streams. The fields are those of templates/fields.html.

import { Refused, check, isStreamed, linksOf, start, upload } from "./outlast.js";

const TYPED = "input:not([type=file]):not([type=hidden])";
const CONTROL = `${TYPED}, select, [type=file]`;
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?(e[+-]?\d+)?$/i;
const ZONE = /:.*([Zz]|[+-]\d\d:?\d\d)$/;

class StartForm {
  #form;
  #words;
  #button;
  #label;
  #busy = false;
  #pause = 0; // the timer of the next check
  #uploaded = new WeakMap(); // files already uploaded, so that an error elsewhere sends none twice
  #places = new Map(); // the fields by JSON pointers into the input that was sent last

  constructor(form) {
    this.#form = form;
    this.#words = wordsOf(form);
    this.#button = form.querySelector(".submit button");
    this.#label = this.#button.textContent;
    form.addEventListener("submit", (event) => this.#submit(event));
    window.addEventListener("pageshow", (event) => event.persisted && this.#markIdle());
    for (const zone of form.querySelectorAll("[data-part=drop]")) acceptDrops(zone.closest(".field"));
    for (const field of fieldsIn(form)) {
      if (!["source", "url"].includes(field.dataset.kind)) continue;
      const typed = field.querySelector(TYPED);
      typed.addEventListener("input", () => this.#checkSoon(field, typed));
    }
  }

  async #submit(event) {
    event.preventDefault();
    if (this.#busy) return;
    const pressed = event.submitter;
    if (["_add", "_remove"].includes(pressed?.name)) return this.#changeList(pressed);
    clearTimeout(this.#pause);
    this.#busy = true;
    this.#clear();
    try {
      this.#markBusy(this.#words("starting"));
      await this.#start(pressed?.name ? { [pressed.name]: pressed.value } : await this.#object(this.#form, ""));
    } catch (refusal) {
      this.#markIdle();
      if (!(refusal instanceof Refused)) throw refusal;
      if (refusal.problem.questions) this.#postQuestions();
      else this.#showErrors(refusal);
    }
  }

  /** Checks an address while the visitor is still in its field, so that no button moves under a click. */
  #checkSoon(field, typed) {
    if (this.#busy) return;
    this.#clear();
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => this.#checkEarly(field, typed), 500);
  }

  /** Says beside the field what is wrong with its address, before anything is started. */
  async #checkEarly(field, typed) {
    const name = field.dataset.field;
    const text = typed.value.trim();
    if (this.#busy || !/\.\w{2}/.test(text)) return; // not an address yet
    try {
      await check(this.#form.dataset.analysis, { [name]: text });
    } catch (refusal) {
      const within = ({ pointer = "" }) => pointer.replace(/^\/input/, "").split("/")[1] === name;
      const about = (refusal.problem?.errors ?? []).filter(within);
      if (this.#busy || typed.value.trim() !== text || !about.length) return;
      this.#clear();
      for (const { detail } of about) mark(field, detail, refusal.problem.help_html);
      import("./announcer.js").then(({ announce }) => announce(about[0].detail));
    }
  }

  /** Adds or removes an item: takes the list from the form that the server answers with, as without JavaScript. */
  async #changeList(button) {
    this.#clear();
    const sent = new FormData(this.#form, button);
    for (const [name, value] of [...sent]) if (value instanceof File) sent.delete(name);
    const list = button.closest(".field.list");
    const same = `form[data-analysis="${this.#form.dataset.analysis}"] [data-name="${list.dataset.name}"]`;
    const answer = await fetch(this.#form.action, { method: "POST", body: sent }).then((it) => it.text(), () => "");
    const found = new DOMParser().parseFromString(answer, "text/html").querySelector(same);
    if (!found) return this.#tell(this.#words("lost"));
    const next = document.importNode(found, true);
    const removed = button.name === "_remove" ? button.closest(".item") : null;
    const chosen = [...list.querySelectorAll("[type=file]")].filter((input) => !removed?.contains(input));
    list.replaceWith(next);
    for (const zone of next.querySelectorAll("[data-part=drop]")) acceptDrops(zone.closest(".field"));
    for (const [n, input] of [...next.querySelectorAll("[type=file]")].entries()) {
      if (chosen[n]?.files.length) input.files = chosen[n].files;
      input.dispatchEvent(new Event("change"));
    }
    const last = [...next.querySelectorAll(".item")].at(-1);
    (next.querySelector("[autofocus]") ?? last?.querySelector(CONTROL) ?? next.querySelector("[name=_add]")).focus();
  }

  /** The values of the fields within `scope`, without empty ones. */
  async #object(scope, pointer) {
    const values = {};
    for (const field of fieldsIn(scope)) {
      const value = await this.#value(field, `${pointer}/${field.dataset.field}`);
      if (value !== undefined) values[field.dataset.field] = value;
    }
    return values;
  }

  /** The field's value as JSON input; undefined if it is empty. */
  async #value(field, pointer) {
    this.#places.set(pointer, field);
    const value = await this.#filled(field, pointer);
    return value === undefined && field.dataset.null !== undefined ? null : value;
  }

  async #filled(field, pointer) {
    const { kind, required, optional } = field.dataset;
    if (kind === "answers") return answers(field);
    if (kind === "hidden") return field.querySelector("input").value;
    if (optional !== undefined && !field.querySelector("[data-part=given]").checked) return undefined;
    if (kind === "group") return this.#object(field, pointer);
    if (kind === "tuple") return this.#tuple(field, pointer);
    if (kind === "list") return this.#list(field, pointer);
    const files = field.querySelector("input[type=file]")?.files ?? [];
    if (files.length) return this.#sendAll(field, pointer, files);
    const typed = control(field);
    if (kind === "checkbox") return typed.checked;
    if (kind === "choice") return typed.value ? JSON.parse(typed.selectedOptions[0].dataset.json) : undefined;
    const text = typed?.type === "file" ? "" : (typed?.value.trim() ?? "");
    const kept = field.querySelector("[data-part=kept]")?.value.split(" ") ?? [""];
    if (!text && kept[0]) return oneOrAll(field, kept);
    if (text) return converted(text, field.dataset);
    if (required !== undefined && kind === "source") {
      throw refusalAt(pointer, 422, this.#words("source"));
    }
    return undefined;
  }

  async #tuple(field, pointer) {
    const values = [];
    for (const part of fieldsIn(field)) {
      const { kind, field: place, nullable } = part.dataset;
      const empty = kind === "text" && nullable === undefined ? "" : null;
      values.push((await this.#value(part, `${pointer}/${place}`)) ?? empty);
    }
    return values;
  }

  /** The items of a list; empty ones are left out, and the errors of the others count without them. */
  async #list(field, pointer) {
    const values = [];
    for (const item of fieldsIn(field)) {
      const value = await this.#value(item, `${pointer}/${values.length}`);
      if (value !== undefined) values.push(value);
    }
    this.#places.delete(`${pointer}/${values.length}`);
    return values.length || field.dataset.nullable === undefined ? values : undefined;
  }

  async #sendAll(field, pointer, files) {
    const sources = [];
    for (const file of files) sources.push(await this.#send(pointer, file));
    return oneOrAll(field, sources);
  }

  async #send(pointer, file) {
    const limit = Number(this.#form.dataset.maxUploadMb);
    if (limit && file.size > limit * 1024 * 1024) {
      throw refusalAt(pointer, 413, this.#words("large", file.name, limit));
    }
    if (this.#uploaded.has(file)) return this.#uploaded.get(file);
    const sending = this.#form.querySelector("[data-part=sending]");
    sending.hidden = false;
    this.#markBusy(this.#words("sending"));
    try {
      const progress = (sent) => {
        const share = (Math.floor(sent * 100) / 100).toLocaleString(document.documentElement.lang, { style: "percent" });
        sending.querySelector("p").textContent = this.#words("sent", file.name, share);
        sending.querySelector("rect").setAttribute("width", `${sent * 100}%`);
        sending.querySelector("[role=progressbar]").setAttribute("aria-valuenow", Math.floor(sent * 100));
      };
      const { source } = await upload(file, { progress });
      this.#uploaded.set(file, source);
      return source;
    } catch (refusal) {
      throw refusalAt(pointer, refusal.status, this.#told(refusal));
    } finally {
      sending.hidden = true;
    }
  }

  async #start(input) {
    this.#markBusy(this.#words("starting"));
    const session = await start(this.#form.dataset.analysis, input);
    const { page } = linksOf(session);
    if (isStreamed(session)) await this.#becomeProgress(session, page);
    else location.assign(page);
  }

  /** Replaces the form by the progress, at the session's own address. */
  async #becomeProgress(session, page) {
    await import("./analysis-progress.js");
    const { title } = this.#form.dataset;
    history.pushState(null, "", page);
    window.addEventListener("popstate", () => location.reload()); // back to the form
    document.title = document.title.replace(/^.*(?= · )/, title);
    const heading = document.createElement("h1");
    heading.textContent = title;
    heading.tabIndex = -1;
    const progress = document.createElement("analysis-progress");
    progress.setAttribute("at-end", "go");
    progress.follow(session);
    document.querySelector("main").replaceChildren(heading, progress);
    heading.focus();
  }

  /** Posts the form as without JavaScript, for the server to render its questions; refers to uploaded files. */
  #postQuestions() {
    for (const zone of this.#form.querySelectorAll("[data-part=drop]")) {
      const field = zone.closest(".field");
      const input = field.querySelector("input[type=file]");
      if (!input?.files.length) continue;
      field.querySelector("[data-part=kept]").value = [...input.files].map((file) => this.#uploaded.get(file)).join(" ");
      for (const typed of field.querySelectorAll(TYPED)) typed.value = "";
      input.value = "";
    }
    this.#form.submit();
  }

  #showErrors(refusal) {
    const elsewhere = [];
    let first = null;
    for (const { pointer, detail } of refusal.problem.errors ?? []) {
      const field = this.#fieldAt(pointer ?? "");
      if (field) mark(field, detail, first ? "" : refusal.problem.help_html);
      else elsewhere.push(detail);
      first ??= field ? control(field) : null;
    }
    if (!first || elsewhere.length) this.#tell(elsewhere.join(" ") || this.#told(refusal), refusal.problem.link);
    first?.focus();
  }

  /** What a refusal says; without a response there is only the page's own sentence. */
  #told(refusal) {
    return refusal.status ? refusal.message : this.#words("unreachable");
  }

  /** Shows a sentence about the whole form, and the page that shows a way on. */
  #tell(sentence, link) {
    const summary = this.#form.querySelector("[data-part=form-error]");
    summary.textContent = sentence;
    if (link) {
      const way = document.createElement("a");
      way.href = this.#form.action + link.path.slice(1);
      way.textContent = link.title;
      summary.append(" ", way);
    }
    summary.hidden = false;
    summary.focus();
  }

  /** The innermost field that a pointer leads into. */
  #fieldAt(pointer) {
    for (let at = pointer; at; at = at.slice(0, at.lastIndexOf("/"))) {
      const field = this.#places.get(at) ?? this.#places.get(at.replace(/^\/input/, ""));
      if (field) return field;
    }
    return null;
  }

  #clear() {
    this.#form.querySelector("[data-part=form-error]").hidden = true;
    this.#places.clear();
    for (const error of this.#form.querySelectorAll(".field-error, [data-part=help]")) error.hidden = true;
    for (const input of this.#form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
  }

  #markBusy(text) {
    if (this.#button.textContent !== text) import("./announcer.js").then(({ announce }) => announce(text));
    this.#button.textContent = text;
    this.#button.setAttribute("aria-disabled", "true"); // disabling it would lose the focus
  }

  #markIdle() {
    this.#busy = false;
    this.#button.textContent = this.#label;
    this.#button.removeAttribute("aria-disabled");
  }
}

/** The sentences that the page gives a form: `{0}` and `{1}` stand for values. */
function wordsOf(form) {
  const words = JSON.parse(form.dataset.words);
  return (name, ...values) => words[name].replace(/\{(\d)\}/g, (_, n) => values[n]);
}

/** The fields directly within a form, a group or a list. */
function fieldsIn(scope) {
  return [...scope.querySelectorAll(".field")].filter((field) => field.parentElement.closest(".field, form") === scope);
}

/** The control that a field's error belongs to. */
function control(field) {
  const file = field.querySelector("input[type=file]");
  return file?.files.length ? file : (field.querySelector(`${TYPED}, select`) ?? file ?? field.querySelector("button"));
}

/** A text as the JSON value that its field takes; numbers that JavaScript would round stay texts. */
function converted(text, { kind, utc }) {
  if (kind === "datetime") return text + (utc !== undefined && !ZONE.test(text) ? "Z" : "");
  const number = ["number", "mixed"].includes(kind) && NUMBER.test(text) ? Number(text) : NaN;
  return Number.isInteger(number) ? (Number.isSafeInteger(number) ? number : text) : Number.isFinite(number) ? number : text;
}

/** Returns a single source as a string, unless the field is a list. */
function oneOrAll(field, sources) {
  return sources.length > 1 || field.dataset.list !== undefined ? sources : sources[0];
}

/** The chosen answers, by the name of their question. */
function answers(field) {
  const chosen = [...field.querySelectorAll("[data-answer]")].filter((answer) => answer.value);
  return Object.fromEntries(chosen.map((answer) => [answer.dataset.answer, answer.value]));
}

function mark(field, sentence, help = "") {
  const [error, ways] = [".field-error", "[data-part=help]"].map((part) =>
    field.querySelector(`:scope > ${part}, :scope > fieldset > ${part}`),
  );
  if (help && ways) {
    ways.innerHTML = help; // the site's own markup
    ways.hidden = false;
  }
  const faulty = control(field);
  if (field.dataset.kind === "source") (faulty.closest("[data-part=drop]") ?? faulty).after(...[error, ways].filter(Boolean));
  error.textContent = error.hidden ? sentence : `${error.textContent} ${sentence}`;
  error.hidden = false;
  faulty.setAttribute("aria-invalid", "true");
}

function refusalAt(pointer, status, detail) {
  return new Refused(status, { error: detail, errors: [{ pointer, detail }] });
}

/** Adds drag and drop, and a button to remove the file, to a field that has a plain file input. */
function acceptDrops(field) {
  const zone = field.querySelector("[data-part=drop]");
  const input = zone.querySelector("input[type=file]");
  const address = field.querySelector("input[type=text]");
  const remove = zone.querySelector("[data-part=remove]");
  const words = wordsOf(field.closest("form"));
  zone.querySelector("[data-part=drop-hint]").hidden = false;

  const change = () => {
    const [file, ...more] = input.files;
    remove.hidden = !file;
    remove.textContent = file ? words(more.length ? "remove_all" : "remove", file.name, more.length) : "";
    zone.classList.toggle("filled", Boolean(file));
    if (address) address.disabled = Boolean(file); // either a file or an address; keeps the text
  };
  input.addEventListener("change", change);
  remove.addEventListener("click", () => {
    input.value = "";
    change();
    input.focus();
  });
  window.addEventListener("pageshow", change); // browsers restore the chosen files

  const alone = document.querySelectorAll("[data-part=drop]").length === 1;
  const target = alone ? document : zone;
  target.addEventListener("dragover", (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    zone.classList.add("over");
  });
  target.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget || !target.contains(event.relatedTarget)) zone.classList.remove("over");
  });
  target.addEventListener("drop", (event) => {
    zone.classList.remove("over");
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    const taken = new DataTransfer();
    for (const file of event.dataTransfer.files) if (input.multiple || !taken.files.length) taken.items.add(file);
    input.files = taken.files;
    change();
  });
}

/** Shows beside a question what the input has for the option that is selected. */
function showSamples({ target }) {
  const list = target.matches?.("[data-answer]") && target.closest(".question")?.querySelector("[data-part=samples]");
  if (!list) return;
  const samples = JSON.parse(target.selectedOptions[0]?.dataset.samples ?? "[]");
  list.replaceChildren(
    ...samples.filter(Boolean).map((sample) => {
      const line = document.createElement("li");
      line.textContent = sample;
      return line;
    }),
  );
}

document.addEventListener("change", showSamples);
for (const form of document.querySelectorAll("form[data-analysis]")) new StartForm(form);
