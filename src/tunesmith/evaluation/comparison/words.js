// Words: what one text has that another has not, by their longest common run of words.
const WORD = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]|[#@]?[\p{L}\p{M}\p{N}]+(?:['’_-][\p{L}\p{M}\p{N}]+)*#?|\s+|[^]/gu;
const MOST_STEPS = 4000000;
const words = (text) => text.match(WORD) || [];
const isSpace = (word) => /^\s+$/.test(word);

// For each word of a, whether b has it at its place; likewise of b. Null: too long to tell.
function common(a, b) {
  const inA = new Array(a.length).fill(false), inB = new Array(b.length).fill(false);
  let start = 0, endA = a.length, endB = b.length;
  while (start < endA && start < endB && a[start] === b[start]) { inA[start] = inB[start] = true; start++; }
  while (endA > start && endB > start && a[endA - 1] === b[endB - 1]) { inA[--endA] = true; inB[--endB] = true; }
  const n = endA - start, m = endB - start, width = m + 1;
  if (n * m > MOST_STEPS) return null;
  const longest = new Uint16Array((n + 1) * width);
  for (let i = n - 1; i >= 0; i--) {
    for (let j = m - 1; j >= 0; j--) {
      longest[i * width + j] = a[start + i] === b[start + j] ? longest[(i + 1) * width + j + 1] + 1
        : Math.max(longest[(i + 1) * width + j], longest[i * width + j + 1]);
    }
  }
  for (let i = 0, j = 0; i < n && j < m;) {
    if (a[start + i] === b[start + j]) { inA[start + i++] = true; inB[start + j++] = true; }
    else if (longest[(i + 1) * width + j] >= longest[i * width + j + 1]) i++;
    else j++;
  }
  return [inA, inB];
}

// Pieces of a text, each with whether none of the others has it; spaces go with what stands before.
function pieces(text, others) {
  const a = words(text), found = others.map((other) => common(a, words(other)));
  if (!found.length || found.includes(null)) return null;
  const isShared = (i) => found.some(([inText]) => inText[i]);
  const joined = [];
  a.forEach((word, i) => {
    const last = joined[joined.length - 1];
    const only = isSpace(word) ? Boolean(last && last.only && i + 1 < a.length && !isShared(i + 1)) : !isShared(i);
    if (last && last.only === only) last.text += word; else joined.push({ text: word, only });
  });
  return joined;
}
