// The phone beside the words: as the server fills them in, while they are written.

const aside = document.querySelector("[data-preview]");
const form = document.querySelector("#systemtext_form");
const PAUSE = 250;
let timer = 0;
let running = null;

const kind = () => form.elements.kind?.value ?? aside.dataset.kind;

const show = async () => {
    running?.abort();
    running = new AbortController();
    const fields = new URLSearchParams({
        kind: kind(),
        language: form.elements.language.value,
        body: form.elements.body.value,
    });
    const headers = {"X-CSRFToken": form.elements.csrfmiddlewaretoken.value};
    const asked = {method: "POST", body: fields, headers, redirect: "manual", signal: running.signal};
    const response = await fetch(aside.dataset.preview, asked).catch(() => null);
    if (response?.ok) {
        aside.innerHTML = await response.text();
    }
};

// Whoever may only read has no field to write in.
if (form?.elements.body) {
    form.addEventListener("input", () => {
        clearTimeout(timer);
        timer = setTimeout(show, PAUSE);
    });
    form.elements.kind?.addEventListener("change", () => {
        window.location.search = new URLSearchParams({kind: kind()});
    });
}
