// How far the rehearsal is, without loading the page again. What is the same is left alone, so that the focus stays.
"use strict";
{
    const box = document.querySelector("[data-rehearsal]");
    const RETRY_SECONDS = 10;

    /** What is to be seen, without what differs in every answer. */
    const content = (progress) => {
        const copy = progress.cloneNode(true);
        copy.querySelector("[name=csrfmiddlewaretoken]")?.remove();
        return copy.outerHTML;
    };

    const ask = async () => {
        const response = await fetch(box.dataset.url, {redirect: "manual"});
        if (!response.ok) {
            throw new TypeError(`The newsroom answered ${response.status}.`);
        }
        return new DOMParser().parseFromString(await response.text(), "text/html").querySelector("[data-progress]");
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

    const follow = () => {
        const again = Number(box.querySelector("[data-progress]").dataset.again);
        if (again) {
            setTimeout(look, again * 1000);
        }
    };

    const look = async () => {
        if (document.hidden) {
            document.addEventListener("visibilitychange", look, {once: true});
            return;
        }
        const lost = box.querySelector("[data-lost]");
        try {
            show(await ask());
            lost.hidden = true;
            follow();
        } catch {
            lost.hidden = false;
            setTimeout(look, RETRY_SECONDS * 1000);
        }
    };

    if (box) {
        follow();
    }
}
