// Asking the newsroom again and again, as long as the page is seen.

const RETRY_SECONDS = 10;

/** Return the newsroom's answer; where it refuses one, throw an error with its `status`. */
export const fetched = async (address) => {
    const response = await fetch(address, {redirect: "manual"});
    if (!response.ok) {
        throw Object.assign(new TypeError(`The newsroom answered ${response.status}.`), {status: response.status});
    }
    return response;
};

export const parsed = (html) => new DOMParser().parseFromString(html, "text/html");

/**
 * Look in so many seconds; `look` returns in how many it is to look anew, and 0 where that is over.
 * While the newsroom cannot be reached, `lost` says so.
 */
export const again = (seconds, look, lost) => {
    const tell = (isLost) => {
        if (lost) {
            lost.hidden = !isLost;
        }
    };
    const run = async () => {
        if (document.hidden) {
            document.addEventListener("visibilitychange", run, {once: true});
            return;
        }
        let next = RETRY_SECONDS;
        try {
            next = await look();
            tell(false);
        } catch {
            tell(true);
        }
        if (next) {
            setTimeout(run, next * 1000);
        }
    };
    if (seconds) {
        setTimeout(run, seconds * 1000);
    }
};
