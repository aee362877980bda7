// The figures as they now are, without loading the page again. What is open stays open; what is the same is left alone.
"use strict";
{
    const RETRY_SECONDS = 20;
    const lost = document.querySelector("[data-lost]");

    const ask = async () => {
        const address = new URL(location.href);
        address.searchParams.set("part", "1");
        const response = await fetch(address, {redirect: "manual"});
        if (!response.ok) {
            throw new TypeError(`The newsroom answered ${response.status}.`);
        }
        return new DOMParser().parseFromString(await response.text(), "text/html").querySelector("[data-funnel]");
    };

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
        if (document.hidden) {
            document.addEventListener("visibilitychange", look, {once: true});
            return;
        }
        let seconds = RETRY_SECONDS;
        try {
            const next = await ask();
            seconds = Number(next.dataset.again);
            show(next);
            lost.hidden = true;
        } catch {
            lost.hidden = false;
        }
        setTimeout(look, seconds * 1000);
    };

    setTimeout(look, Number(document.querySelector("[data-funnel]").dataset.again) * 1000);
}
