// <copy-button for="ID"> copies what the field with this id holds. Without JavaScript it is nothing.

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
    const said = (await copied(document.getElementById(this.getAttribute("for"))))
      ? "Copied"
      : "It is selected; copy it with the keyboard";
    announce(`${said}.`);
    button.textContent = said;
    setTimeout(() => (button.textContent = LABEL), SHOWN_FOR);
  }
}

/** Whether it is on the clipboard; else it is selected. Sites without TLS have only the older way. */
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
