// Writes graphemes.json: how Twilio's calculator classes every code point when it looks where a character ends.
//
//   npm install sms-segments-calculator@1.3.0 && node …/stories/make_graphemes.mjs
//
// The classes are those of Unicode's text segmentation (UAX 29), found by looking at what stays together. Hangul
// syllables are left out, since their class follows from their number.
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const { SegmentedMessage } = createRequire(`${process.cwd()}/`)("sms-segments-calculator");

const together = (...codes) => new SegmentedMessage(String.fromCodePoint(...codes)).graphemes.length === 1;
const [A, MARK, JOINER, WOMAN, TONE, FLAG] = [0x61, 0x301, 0x200d, 0x1f469, 0x1f3fb, 0x1f1e6];
const [LEADING, VOWEL, SYLLABLE] = [0x1100, 0x1161, 0xac01];

function classOf(code) {
  if (together(A, code)) {
    if (together(code, WOMAN)) return "joiner";
    return together(WOMAN, code, TONE) ? "extend" : "spacing";
  }
  if (!together(code, MARK)) return "control";
  if (together(code, A)) return "prepend";
  if (together(code, FLAG)) return "flag";
  if (together(LEADING, code)) return together(code, LEADING) ? "leading" : "vowel";
  if (together(SYLLABLE, code)) return "trailing";
  if (together(WOMAN, code)) return "tone";
  const [base, glued] = [together(code, TONE), together(A, JOINER, code)];
  return base && glued ? "glued_base" : base ? "base" : glued ? "glued" : "other";
}

const ranges = {};
let [last, first] = ["other", 0];
for (let code = 0; code <= 0x110000; code++) {
  const syllable = code >= 0xac00 && code <= 0xd7a3;
  const next = code > 0x10ffff || syllable ? "other" : classOf(code);
  if (next === last) continue;
  if (last !== "other") (ranges[last] ??= []).push([first, code - 1]);
  [last, first] = [next, code];
}
const hex = (range) => [...new Set(range)].map((code) => code.toString(16)).join("-");
const lines = Object.entries(ranges).map(([name, list]) => `  "${name}": "${list.map(hex).join(" ")}"`);
writeFileSync(new URL("graphemes.json", import.meta.url), `{\n${lines.join(",\n")}\n}\n`);
