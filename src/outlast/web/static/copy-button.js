// <copy-button for="ID" data-copy="…" data-copied="…" data-selected="…"> copies the value of the field with this id;
// the data are its words. Without JavaScript it stays empty.

import { announce } from "./announcer.js";

const SHOWN_FOR = 3000;

class CopyButton extends HTMLElement {
  connectedCallback() {
    if (this.firstElementChild) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.textContent = this.dataset.copy;
    button.addEventListener("click", () => this.#copy(button));
    this.replaceChildren(button);
  }

  async #copy(button) {
    const { copy, copied: done, selected } = this.dataset;
    const label = (await copied(document.getElementById(this.getAttribute("for")))) ? done : selected;
    announce(`${label}.`);
    button.textContent = label;
    setTimeout(() => (button.textContent = copy), SHOWN_FOR);
  }
}

/** Copies a field; returns false and leaves it selected on failure. Only execCommand works without TLS. */
async function copied(field) {
  try {
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    field.select();
    return document.execCommand("copy");
  }
}

customElements.define("copy-button", CopyButton);
