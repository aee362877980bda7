// The reply desk: replies open where they stand, buttons act there, new ones come by themselves, and keys do as in mail.

import {again, fetched, parsed} from "./again.js";

const EVERY_SECONDS = 8;
const list = document.querySelector("[data-remarks]");
const isList = Boolean(document.querySelector("[data-group-list]"));
const token = () => document.querySelector("[name=csrfmiddlewaretoken]").value;

const say = (words) => {
    const status = document.querySelector("[data-status]");
    if (status) {
        status.textContent = words;
    }
};

const post = async (address, fields) => {
    const headers = {"X-CSRFToken": token(), "X-Fragment": "1"};
    const response = await fetch(address, {method: "POST", body: fields, headers, redirect: "manual"});
    if (!response.ok) {
        throw new TypeError(`The newsroom answered ${response.status}.`);
    }
    return response.text();
};

/** Put the row as the newsroom now has it where it stands, with the focus where it was, and what is half written. */
const replace = (row, html, sent) => {
    const next = parsed(html).querySelector("[data-remark]");
    const focused = document.activeElement;
    const at = row.contains(focused) ? [...row.querySelectorAll("a, button, textarea, input, summary")].indexOf(focused) : -1;
    for (const area of row.querySelectorAll("textarea")) {
        const same = area.form !== sent && area.id && next.querySelector(`#${CSS.escape(area.id)}`);
        if (same) {
            same.value = area.value;
            // Of whoever has answered meanwhile, the one who writes here is told when it is sent.
            const [was, now] = [area, same].map((each) => each.form.querySelector("[name$=-known]"));
            if (was && now) {
                now.value = was.value;
            }
        }
    }
    row.replaceWith(next);
    if (next.className !== row.className) {
        next.dispatchEvent(new Event("changed", {bubbles: true}));
    }
    if (at >= 0) {
        const places = next.querySelectorAll("a, button, textarea, input, summary");
        (places[Math.min(at, places.length - 1)]).focus();
    }
    return next;
};

const close = (row) => {
    row.querySelector("[data-opened]")?.remove();
    row.querySelector(".remark__row").setAttribute("aria-expanded", "false");
};

const open = async (row) => {
    for (const other of list.querySelectorAll("[data-opened]")) {
        close(other.closest("[data-remark]"));
    }
    const next = replace(row, await post(row.dataset.do, new URLSearchParams({do: "open"})));
    next.scrollIntoView({block: "nearest"});
    return next;
};

const toggle = async (row) => {
    if (!row.querySelector("[data-opened]")) {
        await open(row);
    } else if (isList) {
        close(row);
        row.querySelector(".remark__row").focus();
    }
};

const failed = () => say("That did not work: see that you are still logged in, and try again.");

list?.addEventListener("click", (event) => {
    const link = event.target.closest(".remark__row");
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
        event.preventDefault();
        toggle(link.closest("[data-remark]")).catch(failed);
    }
});

list?.addEventListener("submit", (event) => {
    const row = event.target.closest("[data-remark]");
    event.preventDefault();
    const fields = new URLSearchParams(new FormData(event.target, event.submitter));
    event.submitter.disabled = true;
    post(row.dataset.do, fields).then((html) => {
        const next = replace(row, html, event.target);
        const error = next.querySelector("[role=alert]");
        say(error ? error.textContent : "Done.");
    }).catch(() => {
        event.submitter.disabled = false;
        failed();
    });
});

document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-quote-words]");
    if (button) {
        const form = button.form;
        const area = form.querySelector("textarea");
        area.value = [area.value.trim(), button.dataset.quoteWords].filter(Boolean).join(" ");
        form.querySelector("input[name$=asks_to_quote]").checked = true;
        area.focus();
        area.dispatchEvent(new Event("input", {bubbles: true}));
    }
});

// Keys, unless somebody writes or wants none.
const KEYS = "reply-desk-keys";
const wanted = document.querySelector("[data-keys]");
if (wanted) {
    wanted.checked = localStorage.getItem(KEYS) !== "off";
    wanted.addEventListener("change", () => localStorage.setItem(KEYS, wanted.checked ? "on" : "off"));
}

const go = (steps) => {
    const rows = [...list.querySelectorAll(".remark__row")];
    const at = rows.indexOf(document.activeElement.closest("[data-remark]")?.querySelector(".remark__row"));
    rows[at < 0 ? 0 : Math.max(0, Math.min(rows.length - 1, at + steps))]?.focus();
};

const ACTIONS = {
    j: () => go(1),
    ArrowDown: () => go(1),
    k: () => go(-1),
    ArrowUp: () => go(-1),
    r: (row) => row?.querySelector(".answer textarea")?.focus(),
    u: (row) => row?.querySelector("[data-unread]")?.click(),
};

document.addEventListener("keydown", (event) => {
    const row = document.activeElement.closest("[data-remark]") ?? list?.querySelector("[data-remark]:has([data-opened])");
    if (event.key === "Escape" && isList && row?.querySelector("[data-opened]")) {
        close(row);
        row.querySelector(".remark__row").focus();
        return;
    }
    const writes = event.target.closest("input, textarea, select, summary, [contenteditable]");
    if (!list || writes || event.ctrlKey || event.metaKey || event.altKey || !wanted?.checked || !ACTIONS[event.key]) {
        return;
    }
    // The arrows scroll where nobody is in the list.
    if (event.key.startsWith("Arrow") && !list.contains(document.activeElement)) {
        return;
    }
    event.preventDefault();
    ACTIONS[event.key](row);
});

// What is new, without loading the page again: on the first page of a list.
const isFirst = isList && !new URLSearchParams(location.search).has("after");
const title = document.title;

const show = (page) => {
    const groups = document.querySelector("[data-group-list]");
    const next = page.querySelector("[data-group-list]");
    if (groups.innerHTML !== next.innerHTML) {
        groups.replaceChildren(...next.children);
    }
    const known = new Set([...list.querySelectorAll("[data-remark]")].map((row) => row.dataset.remark));
    const newest = Math.max(0, ...[...known].map(Number));
    const fresh = [...page.querySelectorAll("[data-remark]")].filter((row) => Number(row.dataset.remark) > newest);
    if (fresh.length) {
        list.querySelector("[data-none]")?.remove();
        list.prepend(...fresh);
        say(fresh.length === 1 ? "1 new reply." : `${fresh.length} new replies.`);
    }
    const unread = list.querySelectorAll(".remark--unread").length;
    document.title = unread ? `(${unread}) ${title}` : title;
};

const look = async () => {
    show(parsed(await (await fetched(location.href)).text()));
    return EVERY_SECONDS;
};

if (isFirst) {
    again(EVERY_SECONDS, look);
    // What was read counts at once; if not, then the next time.
    list.addEventListener("changed", () => look().catch(() => null));
}
