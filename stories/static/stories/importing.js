// The place of a problem is a button that leads to its line, and marks it. Leaving what stands here asks first.
"use strict";
{
    // The preview of an import carries its words in a hidden field.
    const area = document.querySelector("[name=source]");

    /** Return where a line begins, and the next one; lines count from 1. */
    const edges = (number) => {
        const lines = area.value.split("\n");
        const start = lines.slice(0, number - 1).join("\n").length + (number > 1 ? 1 : 0);
        return [start, start + (lines[number - 1] ?? "").length];
    };

    const go = (number) => {
        const [start, end] = edges(number);
        area.focus();
        area.setSelectionRange(start, end);
        // A text area scrolls to where its lines are as high as they are on average, if none is wrapped.
        area.scrollTop = area.scrollHeight * (start / (area.value.length || 1)) - area.clientHeight / 3;
    };

    document.querySelectorAll(".problems__place").forEach((button) => {
        button.addEventListener("click", () => go(Number(button.dataset.line)));
    });

    let isPosted = false;
    area.form.addEventListener("submit", () => { isPosted = true; });
    window.addEventListener("pageshow", () => { isPosted = false; });
    window.addEventListener("beforeunload", (event) => {
        // Whatever stands in the field is on this page alone, also what came back with it.
        if (!isPosted && area.value.trim()) {
            event.preventDefault();
        }
    });
}
