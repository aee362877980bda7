// On a narrow screen the phone is one tap away: the same one, in a dialog.

const desk = document.getElementById("desk");
const sheet = document.getElementById("desk-sheet");
const wide = matchMedia("(width >= 1024px)");

export const start = () => {
    const content = desk.querySelector("[data-desk]");
    const close = () => sheet.open && sheet.close();
    document.querySelector("[data-preview]").addEventListener("click", () => {
        sheet.append(content);
        sheet.showModal();
    });
    sheet.addEventListener("close", () => desk.append(content));
    sheet.addEventListener("click", (event) => event.target.closest("[data-close]") && close());
    document.addEventListener("desk:to-card", close);
    wide.addEventListener("change", close);
};
