export { Context } from './context.ts'
export { seatCommittee } from './seating.ts'
