// Inserting, duplicating, deleting a text, and taking the last back until the story is saved.

import {allCards, beginningOf, cardOf, cards, changed, field, group, number, placeOf, say} from "./cards.js";
import {open} from "./folding.js";
import {copyPicture} from "./pictures.js";
import {moveTo} from "./moving.js";

const addLink = () => group.querySelector(".add-row a");

/** Make a card behind `card`, or at the end. Django's own script makes it, and numbers its fields. */
const insertAfter = (card) => {
    addLink().click();
    const made = group.querySelector(".text-card.empty-form").previousElementSibling;
    card?.after(made);
    number();
    open(made, true);
    field(made, "body").focus();
    made.scrollIntoView({block: "nearest"});
    return made;
};

const insert = (card) => {
    const made = insertAfter(card);
    say(`A new text ${placeOf(made)} is there.`);
    changed(made);
};

const duplicate = async (card) => {
    const made = insertAfter(card);
    for (const input of card.querySelectorAll("textarea, select, input:not([type=hidden], [type=file], [type=checkbox])")) {
        const copy = field(made, input.name.slice(card.id.length + 1));
        // A name leads to one text.
        if (copy && !("name" in input.dataset)) {
            copy.value = input.value;
        }
    }
    say(`Text ${placeOf(made)} is a copy of text ${placeOf(card)}.`);
    await copyPicture(card, made);
    changed(made);
};

/** Cross a card out, or take that back. One that never said anything simply goes. */
const cross = (card, deleted) => {
    const blank = !beginningOf(card) && !card.matches(".has_original") && !card.querySelector(".picture.has-picture");
    field(card, "DELETE").checked = deleted;
    card.classList.toggle("is-deleted", deleted);
    card.hidden = deleted && blank;
    card.querySelector("[data-gone]").textContent = beginningOf(card) || "a picture";
    card.setAttribute("aria-label", deleted ? "A text to be deleted" : "");
    delete card.dataset.place;
    number();
};

const remove = (card) => {
    const place = placeOf(card);
    cross(card, true);
    const next = cards()[place - 1] || cards().at(-1);
    const undo = card.querySelector('[data-do="undo"]');
    (card.hidden ? next && field(next, "body") || group.querySelector("[data-add]") : undo).focus();
    say(`Text ${place} is deleted when you save. ${card.hidden ? "" : "Undo keeps it."}`);
    changed();
};

const undo = (card) => {
    cross(card, false);
    open(card, true);
    field(card, "body").focus();
    say(`Text ${placeOf(card)} stays.`);
    changed(card);
};

const actions = {
    insert,
    duplicate,
    delete: remove,
    undo,
    up: (card) => moveTo(card, placeOf(card) - 1),
    down: (card) => moveTo(card, placeOf(card) + 1),
};

export const start = () => {
    group.addEventListener("click", (event) => {
        const button = event.target.closest("button");
        if (button?.dataset.do) {
            actions[button.dataset.do](cardOf(button));
        } else if (button && "add" in button.dataset) {
            insert();
        }
    });
    group.addEventListener("keydown", (event) => {
        const card = cardOf(event.target);
        if (card && event.key === "Enter" && event.altKey && addLink()) {
            event.preventDefault();
            insert(card);
        }
    });
    // After an error the cards come back in the order in which they were made.
    const template = group.querySelector(".text-card.empty-form");
    const order = (card) => Number(field(card, "ORDER")?.value) || Infinity;
    const all = allCards();
    const sorted = [...all].sort((one, other) => order(one) - order(other));
    if (sorted.some((card, index) => card !== all[index])) {
        template.before(...sorted);
    }
    sorted.filter((card) => field(card, "DELETE")?.checked).forEach((card) => cross(card, true));
    number();
};
