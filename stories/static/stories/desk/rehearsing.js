// Who rehearses a story with unsaved changes is told that only what is saved will be texted.

import {isUnsaved} from "./unsaved.js";

const link = document.querySelector("[data-rehearse]");
const question = document.getElementById("desk-rehearse");

export const start = () => {
    link?.addEventListener("click", (event) => {
        if (isUnsaved()) {
            event.preventDefault();
            question.showModal();
        }
    });
    question?.addEventListener("click", (event) => event.target.closest(".button") && question.close());
};
