// A picture shows as soon as it is chosen, in its card and on the phone; a file that is dropped on a card is chosen.

import {allCards, cardOf, changed, field, group, placeOf, say} from "./cards.js";

const KINDS = ["image/jpeg", "image/png", "image/gif"];
const addresses = new WeakMap();

/** The address, for this page only, of the picture that was just chosen in `card`; none if none was. */
export const chosenAddress = (card) => {
    const file = field(card, "media")?.files[0];
    if (!file) {
        return "";
    }
    if (!addresses.has(file)) {
        addresses.set(file, URL.createObjectURL(file));
    }
    return addresses.get(file);
};

/** Show in the card what it has now: the chosen picture, the saved one, or none. */
const show = (card) => {
    const box = card.querySelector("[data-picture]");
    if (!box) {
        return;
    }
    const image = box.querySelector("img");
    image.dataset.saved ??= image.getAttribute("src") ?? "";
    const isCleared = field(card, "media-clear")?.checked;
    const address = chosenAddress(card) || (isCleared ? "" : image.dataset.saved);
    if (address && image.getAttribute("src") !== address) {
        image.src = address;
    }
    image.hidden = !address;
    box.classList.toggle("has-picture", Boolean(address));
    const button = box.querySelector("[data-picture-remove]");
    button.hidden = !address && !isCleared;
    button.textContent = isCleared && !address ? "Put back" : "Remove";
};

const choose = (card, file) => {
    const files = new DataTransfer();
    files.items.add(file);
    field(card, "media").files = files.files;
    chosen(card);
};

const chosen = (card) => {
    const clear = field(card, "media-clear");
    if (clear) {
        clear.checked = false;
    }
    show(card);
    say(`Text ${placeOf(card)} has a picture: ${field(card, "media").files[0]?.name ?? "none"}.`);
    changed(card);
};

const remove = (card) => {
    const clear = field(card, "media-clear");
    const input = field(card, "media");
    const hadChosen = input.files.length > 0;
    input.value = "";
    if (clear && !hadChosen) {
        clear.checked = !clear.checked;
    }
    show(card);
    say(clear && !clear.checked ? "The saved picture stays." : "The picture is removed.");
    input.focus();
    changed(card);
};

/** Give `copy` the picture that `card` has, as a file of its own. */
export const copyPicture = async (card, copy) => {
    const image = card.querySelector("[data-picture].has-picture img");
    const file = field(card, "media")?.files[0];
    if (file) {
        choose(copy, file);
    } else if (image) {
        const picture = await (await fetch(image.src)).blob();
        choose(copy, new File([picture], image.src.split("/").at(-1), {type: picture.type}));
    }
};

const drop = (event) => {
    // Anywhere else, a dropped file would replace the page and what is written on it.
    event.preventDefault();
    const card = cardOf(event.target);
    const files = [...event.dataTransfer.files];
    const file = files.find(({type}) => KINDS.includes(type));
    if (!card || !field(card, "media")) {
        say("Drop a picture on a text.");
    } else if (file) {
        choose(card, file);
    } else {
        say("That is not a JPEG, PNG or GIF picture.");
    }
};

const hasFiles = (event) => event.dataTransfer?.types.includes("Files");

export const start = () => {
    allCards().forEach(show);
    group.addEventListener("change", (event) => event.target.matches("[type=file]") && chosen(cardOf(event.target)));
    group.addEventListener("click", (event) => {
        if (event.target.closest("[data-picture-remove]")) {
            remove(cardOf(event.target));
        }
    });
    let over = null;
    const mark = (card) => {
        over?.classList.remove("is-dropping");
        over = card;
        over?.classList.add("is-dropping");
    };
    document.addEventListener("dragover", (event) => {
        if (hasFiles(event)) {
            event.preventDefault();
            mark(cardOf(event.target));
        }
    });
    document.addEventListener("dragleave", (event) => event.relatedTarget || mark(null));
    document.addEventListener("drop", (event) => {
        if (hasFiles(event)) {
            mark(null);
            drop(event);
        }
    });
};
