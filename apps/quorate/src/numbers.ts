import { InvalidArgumentError } from 'commander'

/** Parses a flag's or argument's whole number within bounds. */
export function numberBetween(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= least && value <= most) return value
    throw new InvalidArgumentError(`wanted a whole number from ${least} to ${most}.`)
  }
}
