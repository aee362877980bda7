// Writes segments_cases.json: what Twilio's own calculator says of texts whose edges are nasty.
//
//   npm install sms-segments-calculator@1.3.0 && node …/stories/tests/make_segments_cases.mjs
//
// A body is a list of pieces, each with how often it is repeated, so that the file stays small and can be read.
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const { SegmentedMessage } = createRequire(`${process.cwd()}/`)("sms-segments-calculator");

// GSM-7: what takes two septets, or looks as if it did, put across the edges of 160 and 153.
const PLAIN = { euro: "€", brace: "{", "form feed": "\f", "line end": "\r\n", "accent of GSM-7": "é" };
const PLAIN_EDGES = [151, 152, 153, 158, 159, 160, 305, 306];
// Unicode: what belongs together, or no longer does, put across the edges of 70 and 67.
const UNICODE = {
  "curly quote": "“",
  "escaped in GSM-7 only": "€",
  "surrogate pair": "😀",
  family: "👩‍👩‍👧‍👦",
  "younger joined emoji": "🧑‍🦰",
  "rainbow flag": "🏳️‍🌈",
  "eye in a bubble": "👁️‍🗨️",
  kiss: "👩‍❤️‍💋‍👨",
  "skin tone": "👋🏽",
  "skin tone behind a mark": "☝️🏽",
  flag: "🇩🇪",
  "flags without a space": "🇩🇪🇫🇷🇺",
  "flag with two marks": "🇩🇪\u0301\u0301",
  keycap: "1️⃣",
  "combining accent": "e\u0301",
  "tower of marks": "a" + "\u0300\u0316\u0334".repeat(6),
  "Hangul in parts": "\u1112\u1161\u11ab",
  Devanagari: "क्षि",
  "prepended sign": "\u0600\u06611",
  "line end": "\r\n",
  "zero-width space": "\u200b",
  "joiner alone": "\u200d",
  "high surrogate": "\ud83d",
  "low surrogate": "\ude00",
};
const UNICODE_EDGES = [65, 66, 68, 69, 132, 133];
const ALONE = {
  empty: [],
  "one letter": [["a", 1]],
  "one emoji": [["😀", 1]],
  tab: [["\t", 1]],
  grave: [["`", 1]],
  "letter that GSM-7 lacks": [["ç", 1]],
  "carriage return": [["\r", 160]],
  "80 euros": [["€", 80]],
  "81 euros": [["€", 81]],
  "35 emoji": [["😀", 35]],
  "36 emoji": [["😀", 36]],
  "67 emoji": [["😀", 67]],
  "line ends": [["line\r\n", 60]],
  "line ends in Unicode": [["“\r\n", 30]],
  "halves that meet": [["\ud83d", 1], ["\ude00", 1]],
  "halves the wrong way round": [["\ude00", 1], ["\ud83d", 1]],
  "character that fills a segment": [["a" + "\u0301".repeat(69), 1], ["b", 1]],
  "character longer than a segment": [["a" + "\u0301".repeat(90), 1]],
  "two that do not fit together": [["a" + "\u0301".repeat(33), 3]],
  "moved with what does not fit": [["b", 30], ["a" + "\u0301".repeat(39), 2], ["b", 40]],
};

function asCase(name, body) {
  const message = new SegmentedMessage(body.map(([piece, times]) => piece.repeat(times)).join(""));
  const plain = message.encodingName === "GSM-7";
  const bits = plain ? 7 : 16;
  return {
    name,
    body,
    encoding: message.encodingName,
    characters: message.numberOfCharacters,
    units: message.messageSize / bits,
    segments: message.segmentsCount,
    room_left: Math.max(0, Math.floor(message.segments.at(-1).freeSizeInBits() / bits)),
    culprits: plain ? [] : [...new Set(message.getNonGsmCharacters())],
  };
}

const atEdges = (pieces, edges, before) =>
  Object.entries(pieces).flatMap(([name, piece]) =>
    edges.map((edge) => asCase(`${name} behind ${edge}`, [...before(edge), [piece, 1], ["z", edge % 5]])),
  );
const cases = [
  ...Object.entries(ALONE).map(([name, body]) => asCase(name, body)),
  ...atEdges(PLAIN, PLAIN_EDGES, (edge) => [["a", edge]]),
  ...atEdges(UNICODE, UNICODE_EDGES, (edge) => [["“", 1], ["a", edge - 1]]),
];
// Escaped, since half of these characters cannot be seen, and half a surrogate pair cannot be written at all.
const escaped = (text) => text.replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
const lines = cases.map((one) => `  ${escaped(JSON.stringify(one))}`);
writeFileSync(new URL("segments_cases.json", import.meta.url), `[\n${lines.join(",\n")}\n]\n`);
