// The page's one live region. It outlives what is shown in <main>, so that the last word is still heard.

export function announce(sentence) {
  if (sentence) region().textContent = sentence;
}

function region() {
  const known = document.getElementById("announcer");
  if (known) return known;
  const made = document.createElement("p");
  made.id = "announcer";
  made.className = "visually-hidden";
  made.setAttribute("role", "status");
  document.body.append(made);
  return made;
}
