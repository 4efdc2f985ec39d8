/** Bounds of what a parser accepts. The bytes of a body are the transport's to bound. */
export const HRANA_LIMITS = {
  /** Requests of one pipeline. */
  requestsMax: 4096,
  /** Steps of one batch. */
  stepsMax: 4096,
  /** Positional arguments, and named ones, of one statement: SQLite's own bound. */
  argsMax: 32_766,
  /** Conditions directly below one `and` or `or`. */
  conditionsMax: 128,
  /** Conditions on the way from a step's condition to its deepest part. */
  conditionDepthMax: 16,
  /** Texts that a stream keeps for `sql_id`. */
  storedSqlMax: 50,
  /** UTF-16 units of one such text. Clients store only texts below 5000. */
  storedSqlCharsMax: 5000,
  /** Rows, and columns, that a client accepts of one result. */
  rowsMax: 1_000_000,
  columnsMax: 2000,
} as const
