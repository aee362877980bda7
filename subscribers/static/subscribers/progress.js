// How far something is, without loading the page again, as long as it is under way.

import {again, fetched} from "./again.js";

const box = document.querySelector("[data-progress]");
const EVERY_SECONDS = 2;
let shown = "";

const rest = () => {
    if (box.querySelector("[data-going]")) {
        return EVERY_SECONDS;
    }
    document.querySelector("[data-until-over]")?.remove();
    return 0;
};

const look = async () => {
    const html = await (await fetched(box.dataset.progress)).text();
    // What is the same is left alone, so that a screen reader does not say it again.
    if (html !== shown) {
        box.innerHTML = html;
        shown = html;
    }
    return rest();
};

again(rest(), look);
