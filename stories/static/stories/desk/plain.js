// One click writes a text in the phone networks' alphabet, and one takes it back. The server says what that would be.

import {cardOf, cards, changed, field, group, placeOf, say} from "./cards.js";

const allButton = group.querySelector("[data-plain-all]");
const plains = new Map();
const before = new Map();

const put = (area, words) => {
    area.value = words;
    area.dispatchEvent(new Event("input", {bubbles: true}));
};

/** Write `words` as if they were typed, so that Ctrl and Z takes them back. */
const write = (area, words) => {
    area.focus({preventScroll: true});
    area.select();
    // In a card that is folded, nothing can be typed.
    if (document.activeElement !== area || !document.execCommand("insertText", false, words)) {
        put(area, words);
    }
};

const addUndoButton = (card) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet-button";
    button.dataset.plainUndo = "";
    button.textContent = "Undo plain";
    card.querySelector("[data-facts]").append(" ", button);
};

const makePlain = (card, writing) => {
    const area = field(card, "body");
    before.set(card, {was: area.value, is: plains.get(card.id)});
    writing(area, plains.get(card.id));
};

const undo = (card) => {
    write(field(card, "body"), before.get(card).was);
    before.delete(card);
    say(`Text ${placeOf(card)} is as it was.`);
};

/** Keep what each text would be in plain characters, as the server says, and offer it where it differs. */
export const offer = (card, plain) => {
    plains.set(card.id, plain);
    // Facts that are the same as before were left as they are, with the button in them.
    const button = card.querySelector("[data-plain-undo]");
    const area = field(card, "body");
    if (!area || before.get(card)?.is !== area.value) {
        before.delete(card);
        button?.remove();
    } else if (!button) {
        addUndoButton(card);
    }
};

/** Offer it for all at once, where there are several. */
export const offerAll = () => {
    const several = cards().filter((card) => plains.get(card.id)).length;
    if (several < 2 && document.activeElement === allButton) {
        group.querySelector("[data-fold-all]").focus();
    }
    allButton.hidden = several < 2;
    allButton.textContent = `Make all ${several} plain`;
};

export const start = () => {
    group.addEventListener("click", (event) => {
        const button = event.target.closest("button");
        if (button && "plain" in button.dataset) {
            const card = cardOf(button);
            makePlain(card, write);
            say(`Text ${placeOf(card)} is plain now. Control and Z takes it back.`);
        } else if (button && "plainUndo" in button.dataset) {
            undo(cardOf(button));
        } else if (button === allButton) {
            const all = cards().filter((card) => plains.get(card.id));
            // As if typed, hundreds of texts would keep the page waiting for seconds; each has its own undo.
            all.forEach((card) => makePlain(card, put));
            say(`${all.length} texts are plain now. Each can be undone.`);
            changed();
        }
    });
};
