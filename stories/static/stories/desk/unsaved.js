// Leaving with changes that are not saved asks first.

import {form} from "./cards.js";

const IGNORED = new Set(["csrfmiddlewaretoken"]);

const snapshot = () => {
    const fields = [...new FormData(form)].filter(([name]) => !IGNORED.has(name));
    return JSON.stringify(fields.map(([name, value]) => [name, value.name === undefined ? value : [value.name, value.size]]));
};

const cookie = (name) => document.cookie.split("; ").find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);

let saved = "";

export const isUnsaved = () => snapshot() !== saved;

export const start = () => {
    // What comes back with an error is on this page alone.
    saved = document.querySelector(".errornote") ? "" : snapshot();
    let isSaving = false;
    form.addEventListener("submit", () => {
        isSaving = true;
        // Who logged in again in another window has another token by now.
        form.elements.csrfmiddlewaretoken.value = cookie("csrftoken") ?? form.elements.csrfmiddlewaretoken.value;
    });
    window.addEventListener("pageshow", () => { isSaving = false; });
    window.addEventListener("beforeunload", (event) => {
        if (!isSaving && isUnsaved()) {
            event.preventDefault();
        }
    });
};
