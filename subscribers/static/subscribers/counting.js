// What the words are billed as, said while they are written.

const count = (form) => {
    const counted = form.querySelector("[data-counted]");
    let timer = 0;
    let running = null;
    const ask = async () => {
        running?.abort();
        running = new AbortController();
        const asked = {method: "POST", body: new FormData(form), redirect: "manual", signal: running.signal};
        const response = await fetch(form.dataset.size, asked).catch(() => null);
        if (response?.ok) {
            counted.innerHTML = await response.text();
        }
    };
    form.addEventListener("input", () => {
        // A preview of other words is none.
        document.querySelector("[data-seen]")?.remove();
        clearTimeout(timer);
        timer = setTimeout(ask, 250);
    });
    // What was written before this ran, or stands there again after going back.
    if (form.elements.body.value) {
        ask();
    }
};

for (const form of document.querySelectorAll("[data-size]")) {
    count(form);
}
