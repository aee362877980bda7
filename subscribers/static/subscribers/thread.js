// A long thread opens at its end, as on a phone: at what came last and what comes next.
"use strict";
{
    const thread = document.querySelector(".beside .thread");
    if (thread) {
        thread.scrollTop = thread.scrollHeight;
        thread.tabIndex = 0;
    }
}
