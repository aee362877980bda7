// How far something is, without loading the page again, as long as it is under way and the page is seen.

const box = document.querySelector("[data-progress]");
const EVERY = 2000;
let shown = "";

const look = async () => {
    if (document.hidden) {
        document.addEventListener("visibilitychange", look, {once: true});
        return;
    }
    const response = await fetch(box.dataset.progress, {redirect: "manual"}).catch(() => null);
    const html = response?.ok ? await response.text() : shown;
    // What is the same is left alone, so that a screen reader does not say it again.
    if (html !== shown) {
        box.innerHTML = html;
        shown = html;
    }
    follow();
};

const follow = () => {
    if (box.querySelector("[data-going]")) {
        setTimeout(look, EVERY);
    } else {
        document.querySelector("[data-until-over]")?.remove();
    }
};

follow();
