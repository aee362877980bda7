// What texts ask and where they lead: shown where a story needs it, with the names that there are.

import {cardOf, cards, field, group, say} from "./cards.js";

const button = group.querySelector("[data-ways]");
const template = group.querySelector(".text-card.empty-form");
const names = document.getElementById("text-names");

/** Suggest the names that texts have. */
const suggest = () => {
    const known = cards().map((card) => field(card, "label")?.value.trim()).filter(Boolean);
    names.replaceChildren(...known.map((name) => new Option("", name)));
};

/** Give a card the fields of a question, which a text that asked nothing came without. */
const ask = (card) => {
    const turn = card.querySelector(".turn");
    if (field(card, "follows").value !== "answer" || turn.querySelector(".turn__question")) {
        return;
    }
    const made = template.querySelector(".turn__question").cloneNode(true);
    for (const element of made.querySelectorAll("[id], [for]")) {
        for (const name of ["id", "for", "name"]) {
            const value = element.getAttribute(name);
            if (value) {
                element.setAttribute(name, value.replace(/texts-__prefix__/, card.id));
            }
        }
    }
    turn.append(made);
};

const show = (isShown) => {
    group.classList.toggle("texts--ways", isShown);
    button.setAttribute("aria-pressed", String(isShown));
    say(isShown ? "Each text shows what follows it." : "What follows the texts is hidden.");
};

export const start = () => {
    button.addEventListener("click", () => show(!group.classList.contains("texts--ways")));
    group.addEventListener("change", (event) => {
        if ("name" in event.target.dataset) {
            suggest();
        } else if (event.target.matches("select")) {
            ask(cardOf(event.target));
        }
    });
    group.addEventListener("desk:changed", suggest);
    suggest();
};
