// The page's only live region. It is outside <main>, so that replacing <main> does not cut announcements off.

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
