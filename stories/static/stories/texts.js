// The texts of a story as cards: numbered, moved, inserted, crossed out. The order lies in each card's ORDER
// field; the server numbers by it. Django's own script makes new cards and always needs them in the document.
"use strict";
{
    const group = document.querySelector(".texts");
    const said = document.getElementById("texts-said");
    let insertAfter = null;

    const cards = () => [...group.querySelectorAll(".text-card:not(.empty-form)")];
    const field = (card, name) => card.querySelector(`[name$="-${name}"]`);
    const isDeleted = (card) => Boolean(field(card, "DELETE")?.checked);
    const shown = () => cards().filter((card) => !card.hidden);
    const say = (words) => { said.textContent = words; };

    /** Number the cards as they stand, and let each field of the form know. */
    const number = () => {
        const kept = shown().filter((card) => !isDeleted(card));
        cards().forEach((card, index) => {
            const order = field(card, "ORDER");
            if (order) {
                order.value = index + 1;
            }
        });
        shown().forEach((card, index, all) => {
            const place = kept.indexOf(card) + 1;
            card.classList.toggle("is-deleted", isDeleted(card));
            card.querySelector(".text-card__number").textContent = place || "–";
            card.setAttribute("aria-label", place ? `Text ${place}` : "A text to be deleted");
            for (const [direction, atEnd] of [["up", index === 0], ["down", index === all.length - 1]]) {
                const button = card.querySelector(`[data-move="${direction}"]`);
                if (button) {
                    button.disabled = atEnd;
                }
            }
        });
    };

    /** Put `card` before or after `other`, keep the focus on `button`, and say where it is now. */
    const move = (card, other, where, button) => {
        const before = card.querySelector(".text-card__number").textContent;
        other[where](card);
        number();
        (button.disabled ? card.querySelector("[data-move]:not(:disabled)") : button)?.focus();
        card.scrollIntoView({block: "nearest"});
        say(`Text ${before} is now text ${card.querySelector(".text-card__number").textContent} of ${shown().length}.`);
    };

    // Where the style sheet cannot size a text area to its content, this does.
    const fit = (area) => {
        if (!CSS.supports("field-sizing", "content")) {
            area.style.height = "auto";
            area.style.height = `${area.scrollHeight + 2}px`;
        }
    };

    group.addEventListener("click", (event) => {
        const button = event.target.closest("button");
        const card = event.target.closest(".text-card");
        if (!button || !card) {
            return;
        }
        const all = shown();
        const place = all.indexOf(card);
        if (button.dataset.move === "up" && place > 0) {
            move(card, all[place - 1], "before", button);
        } else if (button.dataset.move === "down" && place < all.length - 1) {
            move(card, all[place + 1], "after", button);
        } else if ("insert" in button.dataset) {
            insertAfter = card;
            group.querySelector(".add-row a").click();
        }
    });

    group.addEventListener("change", (event) => {
        const card = event.target.closest(".text-card");
        if (!card || !event.target.name.endsWith("-DELETE")) {
            return;
        }
        // A new card leaves at once. It stays in the document, or Django would give its index to another card.
        card.hidden = isDeleted(card) && !card.classList.contains("has_original");
        const after = shown().find((other) => card.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING);
        number();
        say(isDeleted(card) ? "The text will be deleted when you save." : "The text stays.");
        if (card.hidden) {
            (after?.querySelector("textarea") || group.querySelector(".add-row a")).focus();
        }
    });

    group.addEventListener("input", (event) => {
        if (event.target.matches("textarea")) {
            fit(event.target);
        }
    });

    document.addEventListener("formset:added", (event) => {
        const card = event.target;
        if (!card.matches(".text-card")) {
            return;
        }
        insertAfter?.after(card);
        insertAfter = null;
        number();
        say(`A new text ${card.querySelector(".text-card__number").textContent} is there.`);
        field(card, "body").focus();
    });

    // After an error the cards come back in the order in which they were made.
    const template = group.querySelector(".text-card.empty-form");
    const order = (card) => Number(field(card, "ORDER")?.value) || Infinity;
    for (const card of cards().sort((one, other) => order(one) - order(other))) {
        card.hidden = isDeleted(card) && !card.classList.contains("has_original");
        (template ? template.before(card) : group.querySelector("fieldset").append(card));
        card.querySelectorAll("textarea").forEach(fit);
        const details = card.querySelector("details");
        if (details) {
            details.open = Boolean(details.querySelector(".picture") || field(card, "media_url")?.value);
        }
    }
    number();
    // On a long page, what is to be put right is far below the word that something is.
    document.querySelector(".errorlist")?.scrollIntoView({block: "center"});
}
