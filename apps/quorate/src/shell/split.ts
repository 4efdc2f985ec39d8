// Where does a statement end? At a semicolon that is not inside a string, a quoted name, a comment or the body of a
// trigger. A trigger's body is statements of its own between BEGIN and END, so its end is the first `;` after an END
// that follows a `;`: the rule of SQLite's own shell, which takes no parser (CASE ... END holds no semicolon before its
// END).

/** Text taken apart into whole statements and what is left. */
export interface Split {
  /** Without their semicolons; none is empty. */
  readonly statements: readonly string[]
  /** The unfinished rest; empty where nothing but blanks and comments is left. */
  readonly rest: string
}

/**
 * A string, a quoted name, a comment, a word, a semicolon, blanks, or any other character. Unclosed ones run to the
 * end.
 */
const TOKEN = new RegExp(
  [
    /'(?:[^']|'')*(?:'|$)/,
    /"(?:[^"]|"")*(?:"|$)/,
    /`(?:[^`]|``)*(?:`|$)/,
    /\[[^\]]*(?:\]|$)/,
    /--[^\n]*(?:\n|$)/,
    /\/\*[^]*?(?:\*\/|$)/,
    /[\w$\u0080-\uffff]+/,
    /;/,
    /\s+/,
    /[^]/,
  ]
    .map((part) => part.source)
    .join('|'),
  'gy',
)
const CREATE_TRIGGER = /^(?:explain (?:query plan )?)?create (?:temp |temporary )?trigger /

function isBlank(token: string): boolean {
  return /^(?:\s|--|\/\*)/.test(token)
}

/** Splits `text` at the ends of its statements. */
export function splitSql(text: string): Split {
  const statements: string[] = []
  let start = 0
  /** The statement's first words, one blank after each; enough to know a trigger. */
  let words = ''
  let isEmpty = true
  let inTrigger = false
  let last = ''
  let beforeLast = ''
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    if (isBlank(token)) continue
    const isEnd = token === ';' && (!inTrigger || (last === 'end' && beforeLast === ';'))
    if (!isEnd) {
      isEmpty = false
      if (!inTrigger && words.length < 64) {
        words += `${token.toLowerCase()} `
        inTrigger = CREATE_TRIGGER.test(words)
      }
      beforeLast = last
      last = token.toLowerCase()
      continue
    }
    if (!isEmpty) statements.push(text.slice(start, index).trim())
    start = index + 1
    words = last = beforeLast = ''
    isEmpty = true
    inTrigger = false
  }
  return { statements, rest: isEmpty && !isUnclosed(text.slice(start)) ? '' : text.slice(start) }
}

/** Whether blanks and comments end within a comment: then the next line still belongs to it. */
function isUnclosed(text: string): boolean {
  const comment = text.lastIndexOf('/*')
  return comment >= 0 && !text.includes('*/', comment + 2) && !/--[^\n]*$/.test(text.slice(0, comment))
}
