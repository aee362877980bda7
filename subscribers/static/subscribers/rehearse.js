// How far the rehearsal is, without loading the page again. What is the same is left alone, so that the focus stays.

import {again, fetched, parsed} from "./again.js";

const box = document.querySelector("[data-rehearsal]");

/** What is to be seen, without what differs in every answer. */
const content = (progress) => {
    const copy = progress.cloneNode(true);
    copy.querySelector("[name=csrfmiddlewaretoken]")?.remove();
    return copy.outerHTML;
};

const show = (next) => {
    const now = box.querySelector("[data-progress]");
    const status = box.querySelector("[data-status]");
    if (status.textContent !== next.dataset.said) {
        status.textContent = next.dataset.said;
    }
    if (content(now) === content(next)) {
        return;
    }
    const stop = now.querySelector("form");
    const nextStop = next.querySelector("form");
    const hadFocus = stop?.contains(document.activeElement);
    if (stop && nextStop) {
        // The button stays: it may have the focus, or be pressed at this moment.
        while (now.firstElementChild !== stop) {
            now.firstElementChild.remove();
        }
        stop.before(...[...next.children].filter((child) => child !== nextStop));
        now.dataset.again = next.dataset.again;
        now.dataset.said = next.dataset.said;
        return;
    }
    now.replaceWith(next);
    box.querySelector("h2").textContent = nextStop ? "On its way" : "Last rehearsal";
    if (hadFocus) {
        box.querySelector("h2").focus();
    }
};

const seconds = () => Number(box.querySelector("[data-progress]").dataset.again);

const look = async () => {
    show(parsed(await (await fetched(box.dataset.url)).text()).querySelector("[data-progress]"));
    return seconds();
};

if (box) {
    again(seconds(), look, box.querySelector("[data-lost]"));
}
