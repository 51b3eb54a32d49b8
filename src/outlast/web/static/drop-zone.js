// Adds drag and drop, and a button to remove the file, to a plain file input.

/** `field`: a field of form.html that has a file input. */
export function acceptDrops(field) {
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
