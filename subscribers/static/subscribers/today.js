// The day as it now is, without loading the page again, as long as somebody sees it. What is the same is left alone.

import {again, fetched, parsed} from "./again.js";

const page = document.querySelector("[data-today]");
const seconds = () => Number(page.querySelector("[data-again]").dataset.again);

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
    const next = parsed(await (await fetched(page.dataset.today)).text());
    for (const part of document.querySelectorAll("[data-live]")) {
        show(part, next.querySelector(`[data-live="${part.dataset.live}"]`));
    }
    return seconds();
};

again(seconds(), look, page.querySelector("[data-lost]"));
