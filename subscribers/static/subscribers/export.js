// How far an export is, without loading the page again.
"use strict";
{
    const SECONDS = 1;

    const look = async () => {
        const box = document.querySelector("[data-export]");
        if (!box.dataset.export) {
            return;
        }
        try {
            const response = await fetch(box.dataset.export, {redirect: "manual"});
            const page = new DOMParser().parseFromString(await response.text(), "text/html");
            const next = response.ok && page.querySelector("[data-export]");
            if (next) {
                box.dataset.export = next.dataset.export;
                box.replaceChildren(...next.children);
            }
        } finally {
            setTimeout(look, SECONDS * 1000);
        }
    };

    setTimeout(look, SECONDS * 1000);
}
