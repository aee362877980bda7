// A reader's page goes on by itself: what has changed is fetched while the page is seen, and what is in use stays.

import {again, fetched, parsed} from "./again.js";

const live = document.querySelector("[data-reader]");
const said = document.querySelector("[data-said]");
const EVERY_SECONDS = 3;
const shown = new Map();
let digest = live?.dataset.digest;

const texts = (part) => part.querySelectorAll(".bubble").length;

/** Return what is open and what has the focus, so that it still is when the part has been replaced. */
const inUse = (part) => ({
    open: [...part.querySelectorAll("[data-text]:has(details[open])")].map((bubble) => bubble.dataset.text),
    key: part.contains(document.activeElement) ? document.activeElement.dataset.key : undefined,
});

const useAgain = (part, {open, key}) => {
    for (const name of open) {
        part.querySelector(`[data-text="${name}"] details`)?.setAttribute("open", "");
    }
    if (key) {
        (part.querySelector(`[data-key="${key}"]`) ?? part.querySelector("[data-key]"))?.focus();
    }
};

const replaceThread = (part, next) => {
    const thread = part.querySelector(".thread");
    const isAtEnd = thread.scrollHeight - thread.scrollTop - thread.clientHeight < 8;
    const focused = document.activeElement === thread;
    const top = thread.scrollTop;
    const before = inUse(part);
    const more = texts(next) > texts(part);
    thread.replaceChildren(...next.querySelector(".thread").children);
    part.querySelector(".phone__header").replaceWith(next.querySelector(".phone__header"));
    useAgain(part, before);
    thread.scrollTop = isAtEnd ? thread.scrollHeight : top;
    if (focused) {
        thread.focus();
    }
    said.textContent = more ? "There is a new text." : "";
};

const replacePassages = (part, next) => {
    const before = inUse(part);
    part.replaceChildren(...next.childNodes);
    useAgain(part, before);
};

const show = (fragment) => {
    const page = parsed(fragment);
    for (const [name, replace] of [["passages", replacePassages], ["thread", replaceThread]]) {
        const part = live.querySelector(`[data-part="${name}"]`);
        const next = page.querySelector(`[data-part="${name}"]`);
        const html = next.innerHTML;
        if (shown.get(name) !== html) {
            replace(part, next);
            shown.set(name, html);
        }
    }
};

const look = async () => {
    const response = await fetched(`${live.dataset.reader}?known=${digest}`).catch((error) => {
        if (error.status === 404) {
            // The reader was erased: nothing of them stays on a page that is still open.
            location.reload();
        }
        throw error;
    });
    if (response.status !== 204) {
        digest = response.headers.get("X-Digest");
        show(await response.text());
    }
    return EVERY_SECONDS;
};

if (live) {
    // What is opened at the thread's end comes into sight.
    live.addEventListener("toggle", ({target}) => target.open && target.scrollIntoView({block: "nearest"}), true);
    again(EVERY_SECONDS, look, live.querySelector("[data-lost]"));
}
