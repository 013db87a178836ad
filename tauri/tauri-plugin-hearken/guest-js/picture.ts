import type { State } from './types'

/** How loud a channel is; 1 is full scale. */
export interface ChannelLevel {
  peak: number
  rms: number
  /** The peak that is held for a moment. */
  held: number
}

/** Bits of a waveform column. */
export const COLUMN = { heard: 1, missing: 2, muted: 4, voice: 8, clipped: 16 } as const

/** Columns of a picture's waveform, a thirtieth of a second each. */
export const COLUMNS = 128

/** Names of what is to be said about the sound, from fine to worst. */
export const VERDICTS = [
  'ok',
  'muted',
  'no_signal_yet',
  'too_quiet',
  'one_channel_only',
  'clipped',
  'lossy',
  'rate_mismatch',
  'below_noise_floor',
  'went_silent',
  'device_lost',
  'never_had_signal',
] as const

/** What there is to see at a moment. */
export interface Picture {
  state: State
  muted: boolean
  /** The device is needed and gone; it is looked for. */
  away: boolean
  /** A device is open. */
  open: boolean
  /** Of the take, pauses left out. */
  elapsedMs: number
  /** Frames that are missing, whoever lost them. */
  missing: number
  /** Another picture has another one. */
  sequence: number
  channels: ChannelLevel[]
  verdict: (typeof VERDICTS)[number]
  /** How likely it is that somebody speaks, 0 to 1; negative where nobody judges that. */
  voice: number
  /** The number of the newest column: what is new since the last picture. */
  column: number
  /** Bits of each column, oldest first. */
  flags: Uint8Array
  /** Least and greatest sample of each column in turn, oldest first; 32,767 is full scale. */
  shape: Int16Array
}

const STATES: State[] = ['closed', 'open', 'recording', 'paused']
/** Where the engine's own table begins. */
const ENGINE = 16
const LENGTH = ENGINE + 896

/** Reads what the command `picture` gives: the tables of `src/picture.rs` and of the engine's `Picture::to_bytes`. */
export function decodePicture(bytes: ArrayBuffer): Picture {
  const view = new DataView(bytes)
  if (view.byteLength !== LENGTH || view.getUint8(0) !== 1) {
    throw new TypeError('a picture of another version: the bindings and the plugin do not belong together')
  }
  const bits = view.getUint8(2)
  const float = (at: number) => view.getFloat32(ENGINE + at, true)
  const word = (at: number) => Number(view.getBigUint64(ENGINE + at, true))
  const channel = (_: unknown, index: number): ChannelLevel => {
    const at = 64 + 16 * index
    return { peak: float(at), rms: float(at + 4), held: float(at + 8) }
  }
  return {
    state: STATES[view.getUint8(1)] ?? 'closed',
    muted: (bits & 1) !== 0,
    away: (bits & 2) !== 0,
    open: (bits & 4) !== 0,
    elapsedMs: view.getUint32(4, true),
    missing: view.getFloat64(8, true),
    sequence: word(8),
    channels: Array.from({ length: view.getUint8(ENGINE + 1) }, channel),
    verdict: VERDICTS[view.getUint8(ENGINE + 2)] ?? 'ok',
    voice: float(48),
    column: word(24),
    flags: new Uint8Array(bytes, ENGINE + 256, COLUMNS),
    // Every platform that runs this is little-endian, as the table is.
    shape: new Int16Array(bytes, ENGINE + 384, 2 * COLUMNS),
  }
}

/** How many pictures a second are worth asking for. */
const PER_SECOND = 30

/**
 * Asks for pictures and shows them: at most 30 a second, one under way, none while the page is hidden. Rests when
 * nothing is open, until it is woken.
 */
export class PicturePuller {
  readonly #pull: () => Promise<Picture>
  readonly #show: (picture: Picture) => void
  #state: 'resting' | 'pulling' | 'waiting' = 'resting'
  #timer: ReturnType<typeof setTimeout> | undefined
  #woken = false
  #isUnderWay = false

  constructor(pull: () => Promise<Picture>, show: (picture: Picture) => void) {
    this.#pull = pull
    this.#show = show
    globalThis.document?.addEventListener('visibilitychange', () => this.wake())
  }

  /** Something has begun, or may have. */
  wake(): void {
    this.#woken = true
    if (this.#state === 'resting' && !this.#isUnderWay) void this.#once()
  }

  /** Shows nothing more until it is woken. */
  rest(): void {
    clearTimeout(this.#timer)
    this.#woken = false
    this.#state = 'resting'
  }

  async #once(): Promise<void> {
    if (globalThis.document?.hidden) return this.rest()
    this.#state = 'pulling'
    this.#isUnderWay = true
    this.#woken = false
    const begun = performance.now()
    // Whoever started something hears of its failure; there is just nothing to show.
    const picture = await this.#pull().catch(() => undefined)
    this.#isUnderWay = false
    // Somebody may have sent it to rest meanwhile, and woken it again.
    if (this.#state !== 'pulling') return this.#woken ? this.#once() : undefined
    if (picture) this.#show(picture)
    const goesOn = picture !== undefined && (picture.open || picture.state !== 'closed')
    if (!goesOn && !this.#woken) return this.rest()
    this.#state = 'waiting'
    this.#timer = setTimeout(() => void this.#once(), Math.max(0, 1000 / PER_SECOND - (performance.now() - begun)))
  }
}
