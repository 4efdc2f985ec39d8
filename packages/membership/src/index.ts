export { Context } from './context.ts'
export { committeeSeatedBy, committeeToCome, seatCommittee, seatsAfter } from './seating.ts'
