// A reader's page goes on by itself: what has changed is fetched while the page is seen, and what is in use stays.

const live = document.querySelector("[data-reader]");
const said = document.querySelector("[data-said]");
const EVERY = 3000;
const RETRY = 10_000;
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
    const fetched = new DOMParser().parseFromString(fragment, "text/html");
    for (const [name, replace] of [["passages", replacePassages], ["thread", replaceThread]]) {
        const part = live.querySelector(`[data-part="${name}"]`);
        const next = fetched.querySelector(`[data-part="${name}"]`);
        const html = next.innerHTML;
        if (shown.get(name) !== html) {
            replace(part, next);
            shown.set(name, html);
        }
    }
};

const look = async () => {
    if (document.hidden) {
        document.addEventListener("visibilitychange", look, {once: true});
        return;
    }
    const lost = live.querySelector("[data-lost]");
    let pause = EVERY;
    try {
        const response = await fetch(`${live.dataset.reader}?known=${digest}`, {redirect: "manual"});
        if (!response.ok) {
            throw new TypeError(`The newsroom answered ${response.status}.`);
        }
        if (response.status !== 204) {
            digest = response.headers.get("X-Digest");
            show(await response.text());
        }
        lost.hidden = true;
    } catch {
        lost.hidden = false;
        pause = RETRY;
    }
    setTimeout(look, pause);
};

if (live) {
    // What is opened at the thread's end comes into sight.
    live.addEventListener("toggle", ({target}) => target.open && target.scrollIntoView({block: "nearest"}), true);
    setTimeout(look, EVERY);
}
