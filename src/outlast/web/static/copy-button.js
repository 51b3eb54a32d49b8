// <copy-button for="ID"> copies the value of the field with this id. Without JavaScript it stays empty.

import { announce } from "./announcer.js";

const LABEL = "Copy the link";
const SHOWN_FOR = 3000;

class CopyButton extends HTMLElement {
  connectedCallback() {
    if (this.firstElementChild) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.textContent = LABEL;
    button.addEventListener("click", () => this.#copy(button));
    this.replaceChildren(button);
  }

  async #copy(button) {
    const label = (await copied(document.getElementById(this.getAttribute("for"))))
      ? "Copied"
      : "It is selected; copy it with the keyboard";
    announce(`${label}.`);
    button.textContent = label;
    setTimeout(() => (button.textContent = LABEL), SHOWN_FOR);
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
