/** Texts in pages: a wall never scrolls, so what does not fit comes next. Pure. */

/** A text in pages of at most `most` letters: whole sentences where they fit, else cut between words. */
export function pagesOf(text, most) {
  const joined = (pieces, limit) =>
    pieces.reduce((pages, piece) => {
      const longer = pages.length ? `${pages.at(-1)} ${piece}` : piece;
      return pages.length && longer.length <= limit ? [...pages.slice(0, -1), longer] : [...pages, piece];
    }, []);
  const cut = (sentence) => {
    if (sentence.length <= most) return [sentence];
    // Pages of about equal length: a last page of one word would look like a mistake.
    const aim = Math.min(most, Math.ceil(sentence.length / Math.ceil(sentence.length / most)) + 8);
    return joined(sentence.split(/ +/), aim);
  };
  return joined(text.trim().split(/(?<=[.!?]) +/).flatMap(cut), most);
}

/** A slide's lines in pages of at most `rows` rows of `columns` letters; a line longer than a page goes on over the next ones. */
export function linesInPages(lines, { columns, rows }) {
  const rowsOf = (line) => Math.ceil(line.length / columns);
  const pages = [];
  let left = 0;
  for (const piece of lines.flatMap((line) => pagesOf(line, columns * rows))) {
    if (rowsOf(piece) > left) {
      pages.push([]);
      left = rows;
    }
    pages.at(-1).push(piece);
    left -= rowsOf(piece);
  }
  return pages;
}
