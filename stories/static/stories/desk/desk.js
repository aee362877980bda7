// The desk: a story's texts as cards, and beside them the phone on which they arrive.

import {group} from "./cards.js";
import * as changing from "./changing.js";
import * as folding from "./folding.js";
import * as growing from "./growing.js";
import * as moving from "./moving.js";
import * as pictures from "./pictures.js";
import * as plain from "./plain.js";
import * as preview from "./preview.js";
import * as rehearsing from "./rehearsing.js";
import * as saving from "./saving.js";
import * as sheet from "./sheet.js";
import * as unsaved from "./unsaved.js";
import * as ways from "./ways.js";

const isWritten = Boolean(group?.querySelector("[data-do]"));
const parts = isWritten ? [saving, unsaved, changing, pictures, folding, growing, moving, plain, ways, sheet, preview, rehearsing] : [sheet, preview];
parts.forEach((part) => part.start());
// On a long page, what is to be put right is far below the word that something is.
document.querySelector(".errorlist")?.scrollIntoView({block: "center"});
