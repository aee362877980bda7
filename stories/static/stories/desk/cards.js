// What a card is: its fields, its place, whether it stays. Everything else is built on this.

export const form = document.getElementById("story_form");
export const group = document.querySelector(".texts");

const said = document.getElementById("texts-said");

/** All cards in their order, those that are to be deleted too. */
export const allCards = () => [...group.querySelectorAll(".text-card:not(.empty-form)")];
export const isDeleted = (card) => card.classList.contains("is-deleted");
export const cards = () => allCards().filter((card) => !isDeleted(card));
export const field = (card, name) => card.querySelector(`[name="${card.id}-${name}"]`);
export const cardOf = (element) => element.closest?.(".text-card:not(.empty-form)");
export const placeOf = (card) => Number(card.dataset.place);

const cookie = (name) => document.cookie.split("; ").find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);

/** The token that a post needs: who logged in again in another window has another one by now. */
export const token = () => cookie("csrftoken") ?? form.elements.csrfmiddlewaretoken.value;

/** Say something to who cannot see it. */
export const say = (words) => { said.textContent = words; };

/** Tell the preview, and whoever else listens, that the story is another one. */
export const changed = (card) => (card || group).dispatchEvent(new CustomEvent("desk:changed", {bubbles: true}));

const set = (button, disabled) => {
    if (button && button.disabled !== disabled) {
        button.disabled = disabled;
    }
};

/** Number the cards as they stand. What has not changed is not written: of 200 cards, mostly none has to be laid out. */
export const number = () => {
    allCards().forEach((card, index) => {
        const order = field(card, "ORDER");
        if (order) {
            order.value = index + 1;
        }
    });
    const kept = cards();
    kept.forEach((card, index) => {
        const place = String(index + 1);
        if (card.dataset.place !== place) {
            card.dataset.place = place;
            card.setAttribute("aria-label", `Text ${place}`);
            card.querySelector(".text-card__number").textContent = place;
        }
        set(card.querySelector('[data-do="up"]'), index === 0);
        set(card.querySelector('[data-do="down"]'), index === kept.length - 1);
    });
};

/** The card's words, for where there is room for their beginning only. */
export const beginningOf = (card) => {
    const words = field(card, "body")?.value.trim().replace(/\s+/g, " ") ?? "";
    return words.length > 90 ? `${words.slice(0, 89)}…` : words;
};
