// Starts an analysis from the form: uploads files with progress, shows errors beside their fields, and in sync mode
// shows the progress that the start request streams.

import { Refused, check, isStreamed, linksOf, start, upload } from "./outlast.js";

const TYPED = "input:not([type=file]):not([type=hidden])";

class StartForm {
  #form;
  #button;
  #label;
  #busy = false;
  #pause = 0; // the timer of the next check
  #uploaded = new WeakMap(); // files already uploaded, so that an error elsewhere sends none twice

  constructor(form) {
    this.#form = form;
    this.#button = form.querySelector("button[type=submit]");
    this.#label = this.#button.textContent;
    form.addEventListener("submit", (event) => this.#submit(event));
    window.addEventListener("pageshow", (event) => event.persisted && this.#markIdle());
    for (const zone of form.querySelectorAll("[data-part=drop]")) acceptDrops(zone.closest(".field"));
    for (const typed of form.querySelectorAll("[data-kind=source] input[type=text], input[type=url]")) {
      typed.addEventListener("input", () => this.#checkSoon(typed));
    }
  }

  async #submit(event) {
    event.preventDefault();
    if (this.#busy) return;
    clearTimeout(this.#pause);
    this.#busy = true;
    this.#clear();
    try {
      this.#markBusy("Starting…");
      const example = event.submitter?.name ? event.submitter : null;
      await this.#start(example ? { [example.name]: example.value } : await this.#input());
    } catch (refusal) {
      this.#markIdle();
      if (!(refusal instanceof Refused)) throw refusal;
      if (refusal.problem.questions) this.#postQuestions();
      else this.#showErrors(refusal);
    }
  }

  /** Checks an address while the visitor is still in its field, so that no button moves under a click. */
  #checkSoon(typed) {
    if (this.#busy) return;
    this.#clear();
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => this.#checkEarly(typed), 500);
  }

  /** Says beside the field what is wrong with its address, before anything is started. */
  async #checkEarly(typed) {
    const field = typed.closest(".field");
    const text = typed.value.trim();
    if (this.#busy || !/\.\w{2}/.test(text)) return; // not an address yet
    try {
      await check(this.#form.dataset.analysis, { [field.dataset.field]: text });
    } catch (refusal) {
      const about = (refusal.problem?.errors ?? []).filter(({ pointer }) => this.#fieldAt(pointer ?? "") === field);
      if (this.#busy || typed.value.trim() !== text || !about.length) return;
      this.#clear();
      for (const { detail } of about) mark(field, detail, refusal.problem.help_html);
      import("./announcer.js").then(({ announce }) => announce(about[0].detail));
    }
  }

  async #input() {
    const input = {};
    for (const field of this.#form.querySelectorAll(".field")) {
      const value = await this.#value(field);
      if (value !== undefined) input[field.dataset.field] = value;
    }
    return input;
  }

  /** The field's value as JSON input; undefined if it is empty. */
  async #value(field) {
    const { kind, required } = field.dataset;
    if (kind === "answers") return answers(field);
    if (kind === "hidden") return field.querySelector("input").value;
    const files = field.querySelector("input[type=file]")?.files ?? [];
    if (files.length) return this.#sendAll(field, files);
    const control = field.querySelector(TYPED);
    if (kind === "checkbox") return control.checked;
    const text = control?.value.trim() ?? "";
    const kept = field.querySelector("[data-part=kept]")?.value.split(" ") ?? [""];
    if (!text && kept[0]) return oneOrAll(field, kept);
    if (text) return kind === "number" ? Number(text) : text;
    if (required !== undefined && kind === "source") {
      throw refusalAt(field, 422, "Choose a file, or give an address.");
    }
    return undefined;
  }

  async #sendAll(field, files) {
    const sources = [];
    for (const file of files) sources.push(await this.#send(field, file));
    return oneOrAll(field, sources);
  }

  async #send(field, file) {
    const limit = Number(this.#form.dataset.maxUploadMb);
    if (limit && file.size > limit * 1024 * 1024) {
      throw refusalAt(field, 413, `${file.name} is larger than ${limit} MB.`);
    }
    if (this.#uploaded.has(file)) return this.#uploaded.get(file);
    const sending = this.#form.querySelector("[data-part=sending]");
    sending.hidden = false;
    this.#markBusy("Sending the file…");
    try {
      const progress = (sent) => {
        sending.querySelector("p").textContent = `Sending ${file.name}: ${Math.floor(sent * 100)}%`;
        sending.querySelector("rect").setAttribute("width", `${sent * 100}%`);
        sending.querySelector("[role=progressbar]").setAttribute("aria-valuenow", Math.floor(sent * 100));
      };
      const { source } = await upload(file, { progress });
      this.#uploaded.set(file, source);
      return source;
    } catch (refusal) {
      throw refusal.problem?.errors?.length ? refusal : refusalAt(field, refusal.status, refusal.message);
    } finally {
      sending.hidden = true;
    }
  }

  async #start(input) {
    this.#markBusy("Starting…");
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
    for (const field of this.#form.querySelectorAll(".field")) {
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
    const summary = this.#form.querySelector("[data-part=form-error]");
    if (!first || elsewhere.length) {
      summary.textContent = elsewhere.join(" ") || refusal.message;
      summary.hidden = false;
    }
    (first ?? summary).focus();
  }

  #fieldAt(pointer) {
    const names = pointer.split("/").map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));
    return [...this.#form.querySelectorAll(".field")].find((field) => names.includes(field.dataset.field));
  }

  #clear() {
    this.#form.querySelector("[data-part=form-error]").hidden = true;
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

/** The control that a field's error belongs to. */
function control(field) {
  const file = field.querySelector("input[type=file]");
  return file?.files.length ? file : (field.querySelector(`${TYPED}, select`) ?? file);
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
  const ways = field.querySelector("[data-part=help]");
  if (help && ways) {
    ways.innerHTML = help; // the site's own markup
    ways.hidden = false;
  }
  const error = field.querySelector(".field-error");
  const faulty = control(field);
  if (field.dataset.kind === "source") (faulty.closest("[data-part=drop]") ?? faulty).after(...[error, ways].filter(Boolean));
  error.textContent = error.hidden ? sentence : `${error.textContent} ${sentence}`;
  error.hidden = false;
  faulty.setAttribute("aria-invalid", "true");
}

function refusalAt(field, status, detail) {
  return new Refused(status, { error: detail, errors: [{ pointer: `/input/${field.dataset.field}`, detail }] });
}

/** Adds drag and drop, and a button to remove the file, to a field that has a plain file input. */
function acceptDrops(field) {
  const zone = field.querySelector("[data-part=drop]");
  const input = zone.querySelector("input[type=file]");
  const address = field.querySelector("input[type=text]");
  const remove = zone.querySelector("[data-part=remove]");
  zone.querySelector("[data-part=drop-hint]").hidden = false;

  const change = () => {
    const [file, ...more] = input.files;
    remove.hidden = !file;
    remove.textContent = file ? `Remove ${file.name}${more.length ? ` and ${more.length} more` : ""}` : "";
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

for (const form of document.querySelectorAll("form[data-analysis]")) new StartForm(form);
