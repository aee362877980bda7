// Saving: once, however often it is pressed, and only where the server is there and knows who writes. Otherwise the
// browser would leave the page for one that has nothing of what was written.

import {form} from "./cards.js";
import {isThere, wasThere} from "./preview.js";

const notice = document.getElementById("desk-unreachable");

let isUnderWay = false;
let isChecked = false;

const check = async (button) => {
    isUnderWay = true;
    isChecked = await isThere();
    isUnderWay = false;
    if (isChecked) {
        form.requestSubmit(button);
    } else {
        notice.showModal();
    }
};

export const start = () => {
    form.addEventListener("submit", (event) => {
        if (isUnderWay) {
            event.preventDefault();
        } else if (isChecked || wasThere()) {
            isUnderWay = true;
            isChecked = false;
        } else {
            event.preventDefault();
            check(event.submitter);
        }
    });
    // Who has stopped the browser, or comes back, may save again.
    const again = () => { isUnderWay = false; };
    form.addEventListener("input", again);
    form.addEventListener("desk:changed", again);
    window.addEventListener("pageshow", again);
    notice.addEventListener("click", (event) => event.target.closest("[data-close]") && notice.close());
};
