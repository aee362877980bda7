// Moving a text: by its arrows, from the keyboard, by dragging with a mouse or a finger.

import {cardOf, cards, changed, group, number, placeOf, say} from "./cards.js";

const moved = (card, before) => {
    number();
    const count = cards().length;
    say(before === placeOf(card) ? `Text ${before} stays.` : `Text ${before} is now text ${placeOf(card)} of ${count}.`);
    changed(card);
};

/** Move `card` to a place from 1 up, so that what has the focus keeps it, and its place under the pointer. */
export const moveTo = (card, place) => {
    const all = cards();
    const before = placeOf(card);
    const other = all[Math.min(Math.max(place, 1), all.length) - 1];
    if (other === card) {
        say(before === 1 ? "This is the first text." : "This is the last text.");
        return;
    }
    const focused = document.activeElement;
    const top = card.getBoundingClientRect().top;
    other[place < before ? "before" : "after"](card);
    moved(card, before);
    window.scrollBy({top: card.getBoundingClientRect().top - top, behavior: "instant"});
    if (card.contains(focused)) {
        (focused.disabled ? card.querySelector(".tool:not(:disabled)") : focused).focus({preventScroll: true});
    }
};

const keys = (event) => {
    const card = cardOf(event.target);
    const step = {ArrowUp: -1, ArrowDown: 1}[event.key];
    // Where there is a list of suggestions, these keys open it.
    const hasList = event.target.list || event.target.matches("select");
    if (!card || !step || !event.altKey || event.ctrlKey || event.metaKey || hasList) {
        return;
    }
    event.preventDefault();
    moveTo(card, event.shiftKey ? (step < 0 ? 1 : Infinity) : placeOf(card) + step);
};

export const start = () => {
    group.addEventListener("keydown", keys);
    let before;
    // Its own way of dragging, not the browser's: with that one, the words of a card would fall into text fields.
    new Sortable(group.querySelector("fieldset"), {
        draggable: ".text-card:not(.empty-form)",
        handle: ".text-card__grip, .text-card__number",
        forceFallback: true,
        fallbackTolerance: 4,
        animation: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 140,
        scrollSensitivity: 90,
        scrollSpeed: 18,
        ghostClass: "is-landing",
        dragClass: "is-dragged",
        onStart: ({item}) => { before = placeOf(item); group.classList.add("is-sorting"); },
        onEnd: ({item}) => { group.classList.remove("is-sorting"); moved(item, before); },
    });
};
