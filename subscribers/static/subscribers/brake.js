// The reason that stands there can be written over at once.

for (const reason of document.querySelectorAll(".brake [name=reason]")) {
    reason.addEventListener("focus", () => reason.select());
}
