// Which characters of a TypeScript file are code? A rule that looks for `Date` must not stumble over a comment about
// dates, and no pattern over single lines can tell: strings, templates, regular expressions and block comments span
// lines and nest. So this walks the text once, as a scanner does, and blanks what is not code. Line breaks stay, so
// offsets and lines are those of the file. The one guess is JavaScript's own: whether `/` divides or opens a regular
// expression is told from the token before it.

/** A string literal in the file: where its opening quote stands and what it says, escapes unread. */
export interface StringLiteral {
  readonly at: number
  readonly text: string
}

/** A comment in the file, with its marks. */
export interface Comment {
  readonly at: number
  readonly text: string
}

/** A file's text taken apart. */
export interface Masked {
  /** As long as the file: comments, strings' insides, template text and regular expressions are blanks. Quotes stay. */
  readonly code: string
  readonly strings: readonly StringLiteral[]
  readonly comments: readonly Comment[]
}

const REGEX_AFTER_WORD =
  /(?:^|[^\w$.])(?:return|typeof|case|in|of|do|else|void|delete|throw|new|yield|await|instanceof)$/
const REGEX_AFTER_MARK = /[([{,;:=!&|?+\-*%<>~^}]$/

/** Whether a `/` behind `before` (code only, blanks trimmed) opens a regular expression. */
function opensRegex(before: string): boolean {
  return before === '' || REGEX_AFTER_MARK.test(before) || REGEX_AFTER_WORD.test(before)
}

/** Offset behind a quoted literal that opens at `at`. An unclosed one ends with its line. */
function endOfQuoted(text: string, at: number, quote: string): number {
  let i = at + 1
  while (i < text.length && text[i] !== quote && text[i] !== '\n') i += text[i] === '\\' ? 2 : 1
  return Math.min(i + 1, text.length)
}

/** Offset behind a regular expression that opens at `at`; a `/` within a class doesn't close it. */
function endOfRegex(text: string, at: number): number {
  let inClass = false
  let i = at + 1
  for (; i < text.length && text[i] !== '\n'; i += 1) {
    if (text[i] === '\\') i += 1
    else if (text[i] === '[') inClass = true
    else if (text[i] === ']') inClass = false
    else if (text[i] === '/' && !inClass) break
  }
  return Math.min(i + 1, text.length)
}

function blank(text: string): string {
  return text.replace(/[^\n]/g, ' ')
}

class Scanner {
  readonly #text: string
  readonly #code: string[] = []
  readonly #strings: StringLiteral[] = []
  readonly #comments: Comment[] = []
  /** The last few characters of code, blanks left out: enough to see one keyword. */
  #before = ''
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  run(): Masked {
    this.#scanCode(false)
    return { code: this.#code.join(''), strings: this.#strings, comments: this.#comments }
  }

  #keep(text: string): void {
    this.#code.push(text)
    this.#at += text.length
    if (text.trim() === '') {
      // A blank ends a word: `a of /x/` must not read as `aof`.
      if (!this.#before.endsWith(' ')) this.#before += ' '
    } else this.#before = (this.#before + text).slice(-16)
  }

  #drop(end: number): string {
    const text = this.#text.slice(this.#at, end)
    this.#code.push(blank(text))
    this.#at = end
    return text
  }

  /** Scans code to the end of the file, or, within a template, to the brace that closes its expression. */
  #scanCode(inTemplate: boolean): void {
    const text = this.#text
    let depth = 0
    while (this.#at < text.length) {
      const start = this.#at
      const mark = text[start] ?? ''
      const pair = text.slice(start, start + 2)
      if (pair === '//') this.#comment(text.indexOf('\n', start))
      else if (pair === '/*') this.#comment(text.indexOf('*/', start + 2) + 2)
      else if (mark === "'" || mark === '"') this.#quoted(mark)
      else if (mark === '`') this.#template()
      else if (mark === '/' && opensRegex(this.#before.trimEnd())) {
        this.#drop(endOfRegex(text, start))
        this.#before = ')'
      } else {
        if (mark === '{') depth += 1
        if (mark === '}') {
          if (depth === 0 && inTemplate) return
          depth -= 1
        }
        this.#keep(mark)
      }
    }
  }

  #comment(end: number): void {
    const at = this.#at
    this.#comments.push({ at, text: this.#drop(end <= at ? this.#text.length : end) })
  }

  #quoted(quote: string): void {
    const at = this.#at
    const end = endOfQuoted(this.#text, at, quote)
    this.#strings.push({ at, text: this.#text.slice(at + 1, end - 1) })
    this.#keep(quote)
    this.#drop(end - 1)
    this.#keep(this.#text.slice(end - 1, end))
  }

  #template(): void {
    const text = this.#text
    const at = this.#at
    this.#keep('`')
    let plain = true
    while (this.#at < text.length && text[this.#at] !== '`') {
      if (text[this.#at] === '\\') this.#drop(Math.min(this.#at + 2, text.length))
      else if (text.startsWith('${', this.#at)) {
        plain = false
        this.#keep('${')
        this.#scanCode(true)
        if (this.#at < text.length) this.#keep('}')
      } else this.#drop(this.#at + 1)
    }
    if (plain) this.#strings.push({ at, text: text.slice(at + 1, this.#at) })
    if (this.#at < text.length) this.#keep('`')
  }
}

/** Takes a file's text apart into code, strings and comments. */
export function mask(text: string): Masked {
  return new Scanner(text).run()
}

/** Line of an offset, from 1. */
export function lineAt(text: string, at: number): number {
  let line = 1
  for (let i = text.indexOf('\n'); i >= 0 && i < at; i = text.indexOf('\n', i + 1)) line += 1
  return line
}
