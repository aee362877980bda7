// The day as it now is, without loading the page again, as long as somebody sees it. What is the same is left alone.
"use strict";
{
    const page = document.querySelector("[data-today]");
    const lost = page.querySelector("[data-lost]");
    const parts = (root) => [...root.querySelectorAll("[data-live]")];
    const again = () => Number(page.querySelector("[data-again]").dataset.again) * 1000;

    const ask = async () => {
        const response = await fetch(page.dataset.today, {redirect: "manual"});
        if (!response.ok) {
            throw new TypeError(`The newsroom answered ${response.status}.`);
        }
        return new DOMParser().parseFromString(await response.text(), "text/html");
    };

    const show = (now, next) => {
        if (!next || now.outerHTML === next.outerHTML) {
            return;
        }
        const focused = now.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
        now.replaceWith(next);
        if (focused) {
            next.querySelector(`a[href="${focused}"]`)?.focus({preventScroll: true});
        }
    };

    const look = async () => {
        if (document.hidden) {
            document.addEventListener("visibilitychange", look, {once: true});
            return;
        }
        try {
            const next = await ask();
            for (const part of parts(document)) {
                show(part, next.querySelector(`[data-live="${part.dataset.live}"]`));
            }
            lost.hidden = true;
        } catch {
            lost.hidden = false;
        }
        setTimeout(look, again());
    };

    setTimeout(look, again());
}
