// What the words are billed as, said while they are written: in whatever form is on the page at that moment.

const PAUSE = 250;
let timer = 0;
let running = null;

const ask = async (form) => {
    running?.abort();
    running = new AbortController();
    const fields = new URLSearchParams({
        body: form.querySelector("textarea").value,
        csrfmiddlewaretoken: form.elements.csrfmiddlewaretoken.value,
    });
    const asked = {method: "POST", body: fields, redirect: "manual", signal: running.signal};
    const response = await fetch(form.dataset.size, asked).catch(() => null);
    if (response?.ok) {
        form.querySelector("[data-counted]").innerHTML = await response.text();
    }
};

document.addEventListener("input", ({target}) => {
    const form = target.closest("[data-size]");
    if (form) {
        // A preview of other words is none.
        document.querySelector("[data-seen]")?.remove();
        clearTimeout(timer);
        timer = setTimeout(ask, PAUSE, form);
    }
});

// What was written before this ran, or stands there again after going back.
for (const form of document.querySelectorAll("[data-size]")) {
    if (form.querySelector("textarea").value) {
        ask(form);
    }
}
