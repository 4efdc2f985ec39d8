/** Edits (insert, delete, replace) that lead from `a` to `b`. */
export function editDistance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (above[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      row.push(Math.min((above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, replaced))
    }
    above = row
  }
  return above[b.length] ?? 0
}

/** The known word that `word` was most likely meant to be; undefined where none is near. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined
  let least = Math.max(2, Math.floor(word.length / 2)) + 1
  for (const each of known) {
    const distance = editDistance(word.toLowerCase(), each.toLowerCase())
    if (distance < least) {
      least = distance
      best = each
    }
  }
  return best
}

/** `; did you mean "x"?`, or nothing where no known word is near. */
export function suggestion(word: string, known: readonly string[]): string {
  const meant = nearest(word, known)
  return meant === undefined ? '' : `; did you mean "${meant}"?`
}
