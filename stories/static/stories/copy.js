// Buttons that copy what stands beside them. Without this script they stay hidden, and the words can be selected.
"use strict";
{
    const said = document.getElementById("share-said");
    const wordsOf = (source) => (source.value ?? source.textContent).replace(/\s+$/, "");

    /** Select the words, so that they can also be copied by hand; where the page came without TLS, there is no other way. */
    const select = (source) => {
        if (source.select) {
            source.select();
        } else {
            getSelection().selectAllChildren(source);
        }
    };

    const copy = async (source) => {
        select(source);
        if (navigator.clipboard) {
            await navigator.clipboard.writeText(wordsOf(source));
            return true;
        }
        return document.execCommand("copy");
    };

    for (const button of document.querySelectorAll("[data-copy]")) {
        const label = button.firstChild;
        const name = label.data;
        const show = (words) => {
            label.data = words;
            said.textContent = words;
            setTimeout(() => { label.data = name; }, 2000);
        };
        button.hidden = false;
        button.addEventListener("click", async () => {
            const copied = await copy(document.getElementById(button.dataset.copy)).catch(() => false);
            show(copied ? "Copied" : "Selected: copy it by hand");
        });
    }
}
