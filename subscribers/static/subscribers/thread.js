// A long thread opens at its end, as on a phone: at what came last and what comes next.
"use strict";
{
    const thread = document.querySelector("[data-part=thread] .thread");
    if (thread) {
        const NEAR = 8;
        let follows = true;
        let top = 0;
        const toEnd = () => { thread.scrollTop = thread.scrollHeight; };

        // Only a person scrolls up.
        thread.addEventListener("scroll", () => {
            const isAtEnd = thread.scrollHeight - thread.scrollTop - thread.clientHeight < NEAR;
            follows = isAtEnd || (follows && thread.scrollTop >= top);
            top = thread.scrollTop;
        });
        // A picture gives its bubble its height when it has loaded, after the scrolling.
        thread.addEventListener("load", () => follows && toEnd(), true);
        toEnd();
        thread.tabIndex = 0;
    }
}
