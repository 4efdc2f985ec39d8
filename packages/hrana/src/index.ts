export { fromBase64, toBase64 } from './base64.ts'
export type { Baton, BatonCode } from './baton.ts'
export { parseBaton, printBaton } from './baton.ts'
export { HRANA_LIMITS } from './limits.ts'
export { parseCursorRequest, parsePipelineRequest } from './parse-request.ts'
export { parseCursorEntry, parseCursorHead, parsePipelineResponse } from './parse-response.ts'
export { parseValue } from './parse-value.ts'
export { printCursorRequest, printPipelineRequest } from './print-request.ts'
export type { PrintOptions } from './print-response.ts'
export {
  printCursorEntry,
  printCursorHead,
  printCursorResponse,
  printError,
  printPipelineResponse,
  RESPONSE_TOO_LARGE,
} from './print-response.ts'
export { printValue } from './print-value.ts'
export type { ParseError } from './scan.ts'
export type {
  BatchCondition,
  BatchStep,
  Col,
  CursorEntry,
  CursorHead,
  CursorRequest,
  HranaError,
  NamedArg,
  PipelineRequest,
  PipelineResponse,
  SqlSource,
  StepResult,
  Stmt,
  StmtDescription,
  StmtResult,
  StreamRequest,
  StreamResponse,
  StreamResult,
  Value,
} from './words.ts'
