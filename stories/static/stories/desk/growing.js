// Where the style sheet cannot size a text area to its content, this does.

import {allCards, field, group} from "./cards.js";

const fit = (areas) => {
    areas.forEach((area) => { area.style.height = "auto"; });
    const heights = areas.map((area) => area.scrollHeight);
    areas.forEach((area, index) => { area.style.height = `${heights[index] + 2}px`; });
};

export const start = () => {
    if (CSS.supports("field-sizing", "content")) {
        return;
    }
    fit(allCards().map((card) => field(card, "body")).filter(Boolean));
    group.addEventListener("input", (event) => event.target.matches("textarea") && fit([event.target]));
};
