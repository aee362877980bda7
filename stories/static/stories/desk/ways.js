// What texts ask and where they lead: shown where a story needs it, with the names that there are.

import {cards, field, group, say} from "./cards.js";

const button = group.querySelector("[data-ways]");
const names = document.getElementById("text-names");

/** Suggest the names that texts have. */
const suggest = () => {
    const known = cards().map((card) => field(card, "label")?.value.trim()).filter(Boolean);
    names.replaceChildren(...known.map((name) => new Option("", name)));
};

const show = (isShown) => {
    group.classList.toggle("texts--ways", isShown);
    button.setAttribute("aria-pressed", String(isShown));
    say(isShown ? "Each text shows what follows it." : "What follows the texts is hidden.");
};

export const start = () => {
    button.addEventListener("click", () => show(!group.classList.contains("texts--ways")));
    group.addEventListener("change", (event) => "name" in event.target.dataset && suggest());
    group.addEventListener("desk:changed", suggest);
    suggest();
};
