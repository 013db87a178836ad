// Made of src/models.rs and src/error.rs by a test; do not edit.

/**
 * A microphone that there is.
 */
export type Device = {
/**
 * For `open` and `startTake`, and to be remembered.
 */
id: string,
/**
 * For people.
 */
name: string,
/**
 * Whether it is what opens when no device is named.
 */
isDefault: boolean, };

/**
 * The device that is open.
 */
export type OpenDevice = {
/**
 * The audio system, or `synthetic`, or `file`.
 */
host: string,
/**
 * Stable on that host.
 */
id: string,
/**
 * For people.
 */
name: string,
/**
 * Frames per second.
 */
rateHz: number,
/**
 * Samples per frame.
 */
channels: number,
/**
 * Such as `i16`.
 */
sampleFormat: string, };

/**
 * What is going on.
 */
export type State = "closed" | "open" | "recording" | "paused";

/**
 * Where every frame of the device went.
 */
export type Frames = {
/**
 * Given to us by the system.
 */
captured: number,
/**
 * Passed on to whoever listens.
 */
delivered: number,
/**
 * Lost by us.
 */
dropped: number,
/**
 * Refused on purpose: muted.
 */
discarded: number,
/**
 * Lost by the device or the system.
 */
lost: number, };

/**
 * What is known of the device's clock.
 */
export type ClockFigures = {
/**
 * What kind of time stamps the system gives.
 */
class: string,
/**
 * How much faster than nominal the device runs, in parts per million.
 */
ppm: number,
/**
 * How far off a time of capture may be, in milliseconds.
 */
boundMs: number, };

/**
 * The take that goes on.
 */
export type RunningTake = {
/**
 * Its id, which it keeps.
 */
id: string,
/**
 * How much of it there is, pauses left out, in milliseconds.
 */
elapsedMs: number, };

/**
 * Everything there is to know at the moment, but for the levels.
 */
export type Status = {
/**
 * What is going on.
 */
state: State,
/**
 * The device that is open now. None while a take goes on: it is gone, and looked for.
 */
device: OpenDevice | null,
/**
 * The id of the device that was asked for; none for the system's default.
 */
wanted: string | null,
/**
 * Whether the microphone is muted.
 */
muted: boolean,
/**
 * The take that goes on.
 */
take: RunningTake | null,
/**
 * Where the frames went, since the capture was made.
 */
frames: Frames,
/**
 * The clock of the device.
 */
clock: ClockFigures,
/**
 * Callbacks of the device so far.
 */
callbacks: number,
/**
 * Faults that the device has reported.
 */
errors: number,
/**
 * The longest pre-roll that a take may have, in milliseconds.
 */
historyMs: number, };

/**
 * What a take is to be.
 */
export type TakeRequest = {
/**
 * The id of the device; none for the system's default.
 */
device?: string | null,
/**
 * How long before the call it begins, in milliseconds, at most `Status.historyMs`. There is something to begin with
 * only where the device was open before.
 */
preRollMs?: number, };

/**
 * A hole in a take.
 */
export type Hole = {
/**
 * Where it begins, in milliseconds from the start.
 */
atMs: number,
/**
 * How long it is, in milliseconds.
 */
lengthMs: number,
/**
 * Why: `dropped`, `muted`, `paused`, `lost`, `device failed`, …
 */
cause: string, };

/**
 * What is to be said about the sound of a take.
 */
export type Verdict = {
/**
 * The engine's name for it: `ok`, `clipped`, `lossy`, `never_had_signal`, …
 */
name: string,
/**
 * The same for people.
 */
text: string, };

/**
 * A take that is complete.
 */
export type TakeInfo = {
/**
 * Its id: the moment it began, in UTC.
 */
id: string,
/**
 * When it began, in milliseconds since 1970.
 */
recordedAtMs: number,
/**
 * What it was recorded with.
 */
device: string,
/**
 * Frames per second of the file.
 */
rateHz: number,
/**
 * Samples per frame of the file.
 */
channels: number,
/**
 * Frames in the file.
 */
frames: number,
/**
 * Length of the file in milliseconds.
 */
lengthMs: number,
/**
 * From the call to the first frame of the take, in milliseconds, pre-roll left out; none if none came.
 */
firstFrameMs: number | null,
/**
 * The loudest sample, in dBFS.
 */
peakDbfs: number,
/**
 * The worst that is to be said about it.
 */
verdict: Verdict,
/**
 * The holes.
 */
gaps: Array<Hole>,
/**
 * Its outline: the loudest sample of each of at most 96 stretches, 0 to 255.
 */
outline: Array<number>, };

/**
 * Something rare that the page is told of. Levels are asked for instead, with `picture`.
 */
export type Notice = { "event": "state",
/**
 * What it is now.
 */
status: Status, } | { "event": "lost",
/**
 * Why.
 */
message: string, } | { "event": "reopened",
/**
 * Which.
 */
device: OpenDevice, } | { "event": "silent",
/**
 * For how long, in milliseconds.
 */
forMs: number, } | { "event": "gap",
/**
 * Why.
 */
cause: string,
/**
 * How much, in milliseconds.
 */
lengthMs: number, } | { "event": "verdict",
/**
 * It.
 */
take: TakeInfo, } | { "event": "ended",
/**
 * Why.
 */
message: string, };

/**
 * What kind of thing went wrong; the page matches on it.
 */
export type ErrorKind = "noDevice" | "notFound" | "permissionDenied" | "unsupportedFormat" | "deviceLost" | "deviceBusy" | "badArgument" | "io" | "cancelled" | "unknownTake" | "notRecording" | "alreadyRecording" | "busy" | "internal";

/**
 * An error as the page sees it: `{ kind, message }`.
 */
export type Error = {
/**
 * To match on.
 */
kind: ErrorKind,
/**
 * For people: what happened, and what is left.
 */
message: string, };
