// Leaving with changes that are not saved asks first.

import {form, token} from "./cards.js";

const IGNORED = new Set(["csrfmiddlewaretoken"]);

const snapshot = () => {
    const fields = [...new FormData(form)].filter(([name]) => !IGNORED.has(name));
    return JSON.stringify(fields.map(([name, value]) => [name, value.name === undefined ? value : [value.name, value.size]]));
};

let saved = "";

export const isUnsaved = () => snapshot() !== saved;

export const start = () => {
    // What comes back with an error is on this page alone.
    saved = document.querySelector(".errornote") ? "" : snapshot();
    let isSaving = false;
    form.addEventListener("submit", (event) => {
        isSaving = !event.defaultPrevented;
        form.elements.csrfmiddlewaretoken.value = token();
    });
    window.addEventListener("pageshow", () => { isSaving = false; });
    window.addEventListener("beforeunload", (event) => {
        if (!isSaving && isUnsaved()) {
            event.preventDefault();
        }
    });
};
