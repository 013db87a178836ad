// @ts-check
/** @import { Picture } from 'tauri-plugin-hearken-api' */

const { COLUMN, COLUMNS } = window.__TAURI__.hearken

/** Of the page's own, beside the engine's: the take was paused. */
const PAUSED = 128
/** Pixels from a column to the next. */
const STEP = 3
/** Columns that are kept: wider than any window. */
const KEPT = 512

/** The last seconds, scrolling from right to left; what is missing is drawn where it is missing. */
export class Waveform {
  #canvas
  /** @type {{ top: number, bottom: number, bits: number }[]} oldest first; 1 is full scale */
  #columns = []
  #newest = 0
  /** When the device went away, or the last column was made up for it. */
  #awayAt = 0
  /** @type {[number, number]} */
  #size = [0, 0]
  #colours = { red: '', dim: '', quiet: '', amber: '', green: '' }

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.#canvas = canvas
    new ResizeObserver(() => this.#fit()).observe(canvas)
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#fit())
    this.#fit()
  }

  /** Takes over size and colours from the page, which is not asked for each picture. */
  #fit() {
    const canvas = this.#canvas
    const density = window.devicePixelRatio
    this.#size = [canvas.clientWidth, canvas.clientHeight]
    ;[canvas.width, canvas.height] = [canvas.clientWidth * density, canvas.clientHeight * density]
    canvas.getContext('2d')?.scale(density, density)
    const style = getComputedStyle(canvas)
    for (const name of /** @type {const} */ (['red', 'dim', 'quiet', 'amber', 'green'])) {
      this.#colours[name] = style.getPropertyValue(`--${name}`)
    }
    this.#draw(false)
  }

  clear() {
    this.#columns = []
    this.#draw(false)
  }

  /** @param {Picture} picture */
  show(picture) {
    if (picture.away) this.#pass()
    else this.#append(picture)
    this.#columns.splice(0, this.#columns.length - KEPT)
    this.#draw(picture.state === 'recording')
  }

  /** Time goes on without a device. */
  #pass() {
    const now = performance.now()
    if (this.#awayAt === 0) this.#awayAt = now
    for (; this.#awayAt + 1000 / 30 <= now; this.#awayAt += 1000 / 30) {
      this.#columns.push({ top: 0, bottom: 0, bits: COLUMN.missing })
    }
  }

  /** @param {Picture} picture */
  #append({ column, flags, shape, state }) {
    this.#awayAt = 0
    // A device that was opened anew counts from 0 again.
    const fresh = column >= this.#newest ? column - this.#newest : column
    this.#newest = column
    for (let at = Math.max(0, COLUMNS - fresh); at < COLUMNS; at += 1) {
      const bits = (flags[at] ?? 0) | (state === 'paused' ? PAUSED : 0)
      if (bits === 0) continue
      this.#columns.push({ top: (shape[2 * at + 1] ?? 0) / 32767, bottom: (shape[2 * at] ?? 0) / 32767, bits })
    }
  }

  /** @param {boolean} isRecording */
  #draw(isRecording) {
    const pen = this.#canvas.getContext('2d')
    if (!pen) return
    const [width, height] = this.#size
    pen.clearRect(0, 0, width, height)
    const middle = Math.floor(height / 2)
    const { red, dim, quiet, amber, green } = this.#colours
    // Whole pixels only: half ones are blended, which costs more than all the rest.
    const bar = (/** @type {string} */ colour, /** @type {number} */ x, /** @type {number} */ y, /** @type {number} */ wide, /** @type {number} */ high) => {
      pen.fillStyle = colour
      pen.fillRect(x, y, wide, high)
    }
    bar(quiet, 0, middle, width, 1)
    const heard = isRecording ? red : dim
    let x = width - STEP
    for (let at = this.#columns.length - 1; at >= 0 && x > -STEP; at -= 1, x -= STEP) {
      const { top, bottom, bits } = this.#columns[at] ?? { top: 0, bottom: 0, bits: 0 }
      if (bits & COLUMN.missing) {
        pen.globalAlpha = 0.3
        bar(red, x, 0, STEP, height)
        pen.globalAlpha = 1
      }
      if (bits & COLUMN.voice) bar(green, x, height - 3, STEP, 3)
      // The square root shows a whisper, and still tells it from a shout.
      const up = Math.round(Math.sqrt(Math.max(0, top)) * (middle - 5))
      const down = Math.round(Math.sqrt(Math.max(0, -bottom)) * (middle - 5))
      const leftOut = bits & (PAUSED | COLUMN.muted)
      bar(bits & COLUMN.clipped ? amber : leftOut ? quiet : heard, x, middle - up, STEP - 1, up + down + 1)
    }
  }
}
