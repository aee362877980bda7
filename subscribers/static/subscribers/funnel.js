// The figures as they now are, without loading the page again. What is open stays open; what is the same is left alone.

import {again, fetched, parsed} from "./again.js";

const address = new URL(location.href);
address.searchParams.set("part", "1");

/** What has the focus, as a selector by which it is found again. */
const focusedIn = (panels) => {
    const focus = panels.contains(document.activeElement) ? document.activeElement : null;
    const details = focus?.closest("details");
    return details ? `[data-details="${details.dataset.details}"] summary` : focus && `a[href="${focus.getAttribute("href")}"]`;
};

const show = (next) => {
    const now = document.querySelector("[data-funnel]");
    for (const open of now.querySelectorAll("details[open]")) {
        next.querySelector(`[data-details="${open.dataset.details}"]`)?.setAttribute("open", "");
    }
    if (now.outerHTML !== next.outerHTML) {
        const focused = focusedIn(now);
        now.replaceWith(next);
        if (focused) {
            next.querySelector(focused)?.focus({preventScroll: true});
        }
    }
};

const look = async () => {
    const next = parsed(await (await fetched(address)).text()).querySelector("[data-funnel]");
    show(next);
    return Number(next.dataset.again);
};

again(Number(document.querySelector("[data-funnel]").dataset.again), look, document.querySelector("[data-lost]"));
