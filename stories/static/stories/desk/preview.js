// The phone beside the form: the story as it stands on the page, computed by the server, one request at a time.

import {allCards, cardOf, field, form, group, token} from "./cards.js";
import {open} from "./folding.js";
import "../linked.js";
import {chosenAddress} from "./pictures.js";
import {offer, offerAll} from "./plain.js";

const desk = document.getElementById("desk");
const screen = desk.querySelector("[data-phone]");
const controls = desk.querySelector("[data-desk]");
const said = desk.querySelector("[data-said]");
const heard = desk.querySelector("[data-heard]");

const UNREACHABLE = "The preview cannot be had just now. What you write stays on this page: before you save, see in "
    + "another window that you are still logged in.";
// A long story takes the server longer: then it is asked less often.
const PAUSE = 250;
// So long nobody is logged out, nor a connection lost, without its being noticed.
const LATELY = 30_000;
let took = 0;
let timer = 0;
let running = null;

/** The form as the server needs it: no file, but which text has just been given one. */
const question = () => {
    const fields = new URLSearchParams();
    for (const [name, value] of new FormData(form)) {
        if (typeof value === "string") {
            fields.append(name, value);
        } else if (value.size) {
            fields.append("chosen", name);
        }
    }
    // A link is not followed while it is being typed.
    fields.append("typing", document.activeElement?.name ?? "");
    for (const [name, value] of new FormData(controls)) {
        fields.append(name, value);
    }
    for (const answer of answers) {
        fields.append("answer", answer);
    }
    return fields;
};

// What the reader on the phone has answered: one for each question of the thread, as far as it goes.
let answers = [];
let answered = null;

/** Answer a question on the phone: the thread goes on from there, and what was answered later is open again. */
const answer = (control) => {
    const question = Number(control.dataset.question);
    const words = control.matches("input") ? `:${control.value}` : "";
    answers = [...answers.slice(0, question), control.dataset.option + words];
    answered = control;
    ask();
};

/** Show, and say to who cannot see it, what comes after the answer that was just given. */
const goOn = () => {
    const thread = screen.querySelector(".thread");
    const options = optionOf(answered)?.closest("li");
    if (options) {
        const following = [...thread.querySelectorAll(".thread__options ~ .bubble--from-us")];
        const texts = following.filter((bubble) => bubble.offsetTop > options.offsetTop);
        heard.textContent = texts.length ? texts.map((bubble) => bubble.innerText).join(" ") : "Nothing follows.";
        thread.scrollTop = options.offsetTop - thread.offsetTop - 12;
    }
    answered = null;
};

const optionOf = (control) => {
    const {question, option} = control?.dataset ?? {};
    return option && screen.querySelector(`[data-question="${question}"][data-option="${option}"]`);
};

const sources = new WeakMap();

/** Put `next`'s children in the place of `now`'s, but leave alone what is the same: pictures do not flicker. */
const patch = (now, next) => {
    const old = [...now.children];
    const fresh = [...next.children];
    fresh.forEach((child, index) => {
        const source = child.outerHTML;
        if (!old[index]) {
            now.append(child);
        } else if (sources.get(old[index]) !== source) {
            old[index].replaceWith(child);
        } else {
            return;
        }
        sources.set(child, source);
        for (const image of child.querySelectorAll("img[data-chosen]")) {
            image.src = chosenAddress(document.getElementById(image.dataset.chosen)) || "";
        }
    });
    old.slice(fresh.length).forEach((child) => child.remove());
};

const fill = (box, html) => {
    if (sources.get(box) !== html) {
        box.innerHTML = html;
        sources.set(box, html);
    }
};

/** Have the facts read out with the text that they are about. */
const describe = (card, box) => {
    const area = field(card, "body");
    if (area && !box.id) {
        box.id = `${card.id}-facts`;
        area.setAttribute("aria-describedby", `${area.getAttribute("aria-describedby") ?? ""} ${box.id}`.trim());
    }
};

const show = ({phone, texts, story}) => {
    const focused = document.activeElement;
    const next = new DOMParser().parseFromString(phone, "text/html").querySelector(".phone");
    const now = screen.querySelector(".phone");
    if (now) {
        fill(now.querySelector(".phone__header"), next.querySelector(".phone__header").innerHTML);
        patch(now.querySelector(".thread"), next.querySelector(".thread"));
        if (!focused.isConnected) {
            optionOf(focused)?.focus({preventScroll: true});
        }
    } else {
        const thread = next.querySelector(".thread");
        const bubbles = thread.cloneNode(true);
        thread.replaceChildren();
        thread.tabIndex = 0;
        screen.replaceChildren(next);
        patch(thread, bubbles);
    }
    for (const card of allCards()) {
        const facts = texts[card.id];
        if (facts) {
            const box = card.querySelector("[data-facts]");
            describe(card, box);
            fill(box, facts.html);
            card.classList.toggle("is-at-night", facts.at_night);
            offer(card, facts.plain);
        }
    }
    offerAll();
    for (const box of document.querySelectorAll("[data-story]")) {
        fill(box, story[box.dataset.story]);
    }
    if (answered) {
        goOn();
    }
    mark(cardOf(document.activeElement));
};

const send = (signal) => fetch(desk.dataset.url, {
    method: "POST",
    body: question(),
    headers: {"X-CSRFToken": token()},
    redirect: "manual",
    signal,
});

// The page itself has just come from the server.
let answeredAt = performance.now();

/** Whether the server was there lately, and knew who writes. */
export const wasThere = () => navigator.onLine && performance.now() - answeredAt < LATELY;

/** Ask whether it is there now. What else may be wrong with it, it says itself when the story is saved. */
export const isThere = async () => {
    const {type, status} = await send().catch(() => Response.error());
    return !["error", "opaqueredirect"].includes(type) && status !== 403;
};

const post = async (signal) => {
    const response = await send(signal);
    if (!response.ok) {
        throw new TypeError(`The preview answered ${response.status}.`);
    }
    return response.json();
};

const ask = async () => {
    running?.abort();
    const asking = running = new AbortController();
    const began = performance.now();
    const answer = await post(asking.signal).catch((error) => error);
    if (running !== asking) {
        return;
    }
    running = null;
    took = performance.now() - began;
    answeredAt = answer instanceof Error ? -Infinity : performance.now();
    said.textContent = answer instanceof Error ? UNREACHABLE : "";
    if (!(answer instanceof Error)) {
        show(answer);
    }
};

export const refresh = () => {
    clearTimeout(timer);
    timer = setTimeout(ask, Math.max(PAUSE, took));
};

/** Show on the phone which text is being written. */
const mark = (card) => {
    const thread = screen.querySelector(".thread");
    thread?.querySelector(".is-current")?.classList.remove("is-current");
    const bubble = card && thread?.querySelector(`[data-text="${card.id}"]`);
    bubble?.classList.add("is-current");
    if (bubble && thread.clientHeight) {
        const top = bubble.offsetTop - thread.offsetTop;
        const isSeen = top >= thread.scrollTop && top + bubble.offsetHeight <= thread.scrollTop + thread.clientHeight;
        if (!isSeen) {
            thread.scrollTop = top - (thread.clientHeight - bubble.offsetHeight) / 2;
        }
    }
};

export const start = () => {
    form.addEventListener("input", refresh);
    form.addEventListener("change", refresh);
    form.addEventListener("desk:changed", refresh);
    controls.addEventListener("input", () => {
        controls.querySelector("[data-day]").hidden = controls.elements.start.value !== "chosen day";
        refresh();
    });
    controls.addEventListener("submit", (event) => event.preventDefault());
    screen.addEventListener("change", (event) => event.target.matches("[data-option]") && answer(event.target));
    group.addEventListener("focusin", (event) => mark(cardOf(event.target)));
    screen.addEventListener("click", (event) => {
        const option = event.target.closest("button[data-option]");
        if (option) {
            answer(option);
            return;
        }
        const card = document.getElementById(event.target.closest("[data-text]")?.dataset.text);
        if (card && !event.target.closest("a")) {
            document.dispatchEvent(new CustomEvent("desk:to-card"));
            open(card, true);
            card.scrollIntoView({block: "center"});
            field(card, "body")?.focus({preventScroll: true});
        }
    });
    ask();
};
