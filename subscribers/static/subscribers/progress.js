// How far a correction is, without loading the page again, as long as it is under way and the page is seen.

const box = document.querySelector("[data-progress]");
const EVERY = 2000;

const look = async () => {
    if (document.hidden) {
        document.addEventListener("visibilitychange", look, {once: true});
        return;
    }
    const response = await fetch(box.dataset.progress, {redirect: "manual"}).catch(() => null);
    if (response?.ok) {
        box.innerHTML = await response.text();
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
