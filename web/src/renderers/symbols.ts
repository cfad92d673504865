// Lengths of the web debug document count symbols, which are code points: no cut
// goes through a pair of surrogates.

/** How many symbols a text has. */
export function symbols(text: string): number {
  let n = text.length
  for (let i = 0; i + 1 < text.length; i++) {
    if (isPair(text, i)) {
      n--
      i++
    }
  }
  return n
}

/** The first n symbols of a text; the text itself where it has no more. */
export function firstSymbols(text: string, n: number): string {
  if (text.length <= n) return text
  let i = 0
  for (let taken = 0; taken < n && i < text.length; taken++) i += isPair(text, i) ? 2 : 1
  return text.slice(0, i)
}

function isPair(text: string, i: number): boolean {
  const a = text.charCodeAt(i)
  const b = text.charCodeAt(i + 1)
  return a >= 0xd800 && a <= 0xdbff && b >= 0xdc00 && b <= 0xdfff
}
