// A card folded to one line: on a narrow screen at first, elsewhere when somebody wants to see the whole story.

import {allCards, beginningOf, cardOf, group, say} from "./cards.js";

const narrow = matchMedia("(width < 768px)");
const foldAll = group.querySelector("[data-fold-all]");

export const open = (card, isOpen) => {
    card.classList.toggle("is-folded", !isOpen);
    const button = card.querySelector("[data-fold]");
    button?.setAttribute("aria-expanded", String(isOpen));
};

const label = (card) => {
    const beginning = card.querySelector(".text-card__beginning");
    const words = beginningOf(card) || (card.querySelector(".has-picture") ? "Picture" : "No words yet");
    if (beginning && beginning.textContent !== words) {
        beginning.textContent = words;
    }
};

/** Whether somebody has to see all of a card: it has an error, or nothing in it yet. */
const isToBeSeen = (card) => card.matches(".has-errors") || !(beginningOf(card) || card.querySelector(".has-picture"));

const openAll = (isOpen) => {
    allCards().forEach((card) => open(card, isOpen || isToBeSeen(card)));
    foldAll.textContent = isOpen ? "Fold all" : "Open all";
};

export const start = () => {
    allCards().forEach(label);
    foldAll.hidden = false;
    if (narrow.matches) {
        openAll(false);
    }
    narrow.addEventListener("change", () => openAll(!narrow.matches));
    group.addEventListener("input", (event) => event.target.matches("textarea") && label(cardOf(event.target)));
    group.addEventListener("desk:changed", (event) => cardOf(event.target) && label(cardOf(event.target)));
    group.addEventListener("click", (event) => {
        const button = event.target.closest("[data-fold]");
        if (button) {
            const card = cardOf(button);
            open(card, card.classList.contains("is-folded"));
        }
    });
    foldAll.addEventListener("click", () => {
        const isOpen = foldAll.textContent === "Open all";
        openAll(isOpen);
        say(isOpen ? "All texts are open." : "All texts are folded to one line.");
    });
};
