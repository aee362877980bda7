// A linked picture that cannot be shown is named instead, in the words that stand for it.

const name = (image) => {
    const words = document.createElement("p");
    const link = image.closest("a");
    words.className = "bubble__text";
    link.replaceWith(words);
    link.textContent = image.alt;
    words.append(link);
};

document.addEventListener("error", ({target}) => target.matches?.("img[data-linked]") && name(target), true);
for (const image of document.querySelectorAll("img[data-linked]")) {
    if (image.complete && !image.naturalWidth) {
        name(image);
    }
}
